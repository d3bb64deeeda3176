import { cdkApp } from 'serverless-data-migrations/cdk';
import { shop } from './migrations.config.ts';

cdkApp(shop);
