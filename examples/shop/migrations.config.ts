import { type Config, fromSqlFiles, type LocalApplication } from 'serverless-data-migrations/config';
import { migrations } from './data-migrations/index.ts';

export const shop: LocalApplication = {
  migrations,
  handler: 'data-migrations/handler.ts',
  prepare: fromSqlFiles('schema.sql', 'sample-data.sql'),
};

export const config: Config = { migrations, application: () => shop };
