import { type Config, fromSqlFiles, type LocalApplication } from 'serverless-data-migrations/config';
import { migrations } from './data-migrations/index.js';

export const issueTracker: LocalApplication = {
  migrations,
  handler: 'data-migrations/handler.ts',
  prepare: fromSqlFiles('schema.sql', 'sample-data.sql'),
};

export const config: Config = { migrations, application: () => issueTracker };
