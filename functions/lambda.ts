// What the handler of the `migrate` Lambda imports: `serverless-data-migrations/lambda`.

export { type Handler, migrate } from './migrate/migrate.ts';
