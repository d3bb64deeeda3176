import type { Migration } from '../functions/engine/define/migration.ts';
import type { LocalApplication } from './application.ts';

// What `migrations.config.ts` imports: `serverless-data-migrations/config`.

export type { DatabaseToPrepare, FollowUpProgress, LocalApplication } from './application.ts';
export { fromSqlFiles } from './sql-files.ts';

/**
 * What `migrations.config.ts` exports as `config`: where the commands find an application. It stands in the folder of its package.json.
 *
 * @example
 * export const config: Config = { migrations, application: () => shop };
 */
export interface Config {
  /** The registered migrations, in the order in which they run. */
  readonly migrations: readonly Migration[];
  /**
   * What is deployed, and runs on this machine. It is asked for by `local` alone: an `import()` in it spares the other commands the second or
   * two that the CDK takes to load.
   */
  readonly application: () => LocalApplication | Promise<LocalApplication>;
}
