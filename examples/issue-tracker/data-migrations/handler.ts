import { migrate } from 'serverless-data-migrations/lambda';
import { migrations } from './index.js';

export const handler = migrate(migrations);
