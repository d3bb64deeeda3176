/** How a project with a CDK app of its own adds the migrations to it, in the file that makes the app. */
export const snippet = (): string => `import { dataMigrations } from 'serverless-data-migrations/cdk';
import { application } from '../migrations.config.js';

// For the database that -c clusterArn=… -c secretArn=… -c databaseName=… name, or a new one: -c createDatabase=true -c stage=staging.
// For a cluster of your code, with enableDataApi: new DataMigrationsStack(app, 'DataMigrations', {
//   application, database: { cluster, secret, databaseName } })
dataMigrations(app, application);
`;
