import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { cdkApp } from '../../infra/cdk-app.ts';
import { demoApplication } from './application.ts';

cdkApp(demoApplication(), (_, app) => {
  // Each stack is looked at by cdk-nag's rules for AWS solutions: what they find fails the synthesis.
  Validations.of(app).addPlugins(...app.node.children.map((stack) => new AwsSolutionsChecks(stack)));
});
