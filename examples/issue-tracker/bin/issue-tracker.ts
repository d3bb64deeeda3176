import { cdkApp } from 'serverless-data-migrations/cdk';
import { issueTracker } from '../migrations.config.js';

cdkApp(issueTracker);
