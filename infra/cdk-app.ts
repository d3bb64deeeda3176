import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Application } from './application.ts';
import { dataMigrations } from './data-migrations.ts';
import type { DataMigrationsStack } from './stack.ts';

/**
 * What `cdk synth` and `cdk deploy` run for an application: its stacks, checked by cdk-nag's rules for AWS solutions.
 *
 * @param more Adds what else is deployed with it, such as the roles of a pipeline. Stacks that it adds are not checked.
 * @example
 * cdkApp(shop, ({ migrations }) => migrations.grantOperate(Role.fromRoleName(migrations, 'Operators', 'operators')));
 */
export function cdkApp(
  application: Application,
  more: (stack: DataMigrationsStack) => void = () => {},
): void {
  const app = new App();
  const stack = dataMigrations(app, application);
  const ours = [...app.node.children];
  more(stack);
  Validations.of(app).addPlugins(...ours.map((each) => new AwsSolutionsChecks(each)));
  app.synth();
}
