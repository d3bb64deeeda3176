import { cdkApp } from '../../infra/cdk-app.ts';
import { demoApplication } from './application.ts';

cdkApp(demoApplication());
