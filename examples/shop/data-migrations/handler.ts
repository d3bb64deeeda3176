import { migrate } from 'serverless-data-migrations/lambda';
import { migrations } from './index.ts';

export const handler = migrate(migrations);
