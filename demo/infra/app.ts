import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { dataMigrations } from '../../infra/data-migrations.ts';
import { demoApplication } from './application.ts';

const app = new App();
dataMigrations(app, demoApplication());
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
