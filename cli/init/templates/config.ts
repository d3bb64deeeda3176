/** The file by which the commands find the project. */
export const config =
  (): string => `import { type Config, fromSqlFiles, type LocalApplication } from 'serverless-data-migrations/config';
import { migrations } from './data-migrations/index.js';

/** What is deployed, and what runs on this machine and in tests. */
export const application: LocalApplication = {
  migrations,
  handler: 'data-migrations/handler.ts',
  // The database on this machine. The file is an example: put the tables of your own there, and add files with rows if you like.
  prepare: fromSqlFiles('data-migrations/schema.sql'),
};

/** What the command \`migrations\` reads. */
export const config: Config = { migrations, application: () => application };
`;
