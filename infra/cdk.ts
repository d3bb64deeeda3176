// What a CDK app imports: `serverless-data-migrations/cdk`.

export type { Application, MachineNames } from './application.ts';
export { cdkApp } from './cdk-app.ts';
export { dataMigrations } from './data-migrations.ts';
export { type DataApiDatabase, Database, type DatabaseProps, type ExistingDatabase } from './database.ts';
export { DatabaseFunction, type DatabaseFunctionProps } from './database-function.ts';
export { DatabaseStack, type DatabaseStackProps } from './database-stack.ts';
export { Migrations, type MigrationsProps } from './migrations.ts';
export { Operations, type OperationsProps, type OperationsSettings } from './operations/operations.ts';
export { ProgressWidget, type ProgressWidgetProps } from './operations/progress-widget.ts';
export { DataMigrationsStack, type DataMigrationsStackProps } from './stack.ts';
