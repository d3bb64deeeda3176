import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Application } from './application.ts';
import { dataMigrations } from './data-migrations.ts';

/** What `cdk synth` and `cdk deploy` run for an application: its one stack, checked by cdk-nag's rules for AWS solutions. */
export function cdkApp(application: Application): void {
  const app = new App();
  dataMigrations(app, application);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}
