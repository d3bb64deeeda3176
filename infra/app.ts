import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { dataMigrations } from './data-migrations.ts';

const app = new App();
dataMigrations(app);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
