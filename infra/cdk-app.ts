import { App } from 'aws-cdk-lib';
import type { Application } from './application.ts';
import { dataMigrations } from './data-migrations.ts';
import type { DataMigrationsStack } from './stack.ts';

/**
 * What `cdk synth` and `cdk deploy` run for an application: its stacks.
 *
 * @param more Adds what else is deployed with it, such as the roles of a pipeline, or checks the stacks.
 * @example
 * cdkApp(shop, ({ migrations }) => migrations.grantOperate(Role.fromRoleName(migrations, 'Operators', 'operators')));
 */
export function cdkApp(
  application: Application,
  more: (stack: DataMigrationsStack, app: App) => void = () => {},
): void {
  const app = new App();
  more(dataMigrations(app, application), app);
  app.synth();
}
