import type { Sql } from '../database/sql.ts';
import { MigrationFailed } from '../errors.ts';
import type { RowError } from '../ledger/row-errors.ts';
import type { WindowOptions } from '../time/maintenance-window.ts';
import type { Batch, BatchInput, Page } from './batch.ts';
import type { Migration, OnInvalid, PaceOptions } from './migration.ts';
import type { TableValidation } from './validations.ts';

/** A migration as the engine runs it. */
export type Registered = RowMigration | AlterMigration;

/** What all kinds of migration have in common. */
interface AnyMigration extends Migration {
  readonly rebuilds: readonly string[];
  readonly requires: readonly string[];
  /** Its author wants it to go on in the background, by `background`, `within` or `window`. */
  readonly background: boolean;
}

/** A migration of the rows of one table. Made by `backfill` or `rewrite`. */
export interface RowMigration extends AnyMigration {
  readonly kind: 'backfill' | 'rewrite';
  readonly table: string;
  readonly key: readonly string[];
  /** Columns that must exist, apart from the key. */
  readonly columns: readonly string[];
  readonly where: Sql | undefined;
  readonly marker: string | undefined;
  readonly validate: readonly TableValidation[];
  readonly onInvalid: OnInvalid;
  readonly within: string | undefined;
  readonly window: WindowOptions | undefined;
  readonly pressureTimeout: string;
  readonly errorBudget: number;
  readonly pace: PaceOptions;
  readonly lanes: number | undefined;
  /** How long its `transform` may take for one row, in seconds; undefined where it has none. */
  readonly transformSeconds?: number;
  /** Migrates one page and moves the checkpoint, together or not at all. */
  readonly batch: (input: BatchInput, page: Page) => Promise<Batch | undefined>;
  /** The rows of a page that cannot be migrated, at most so many; none if it takes a closer look to tell. Nothing is changed. */
  readonly badRows: (input: BatchInput, page: Page, most: number) => Promise<readonly RowError[]>;
  /** Does what `batch` does, but for the rows: only the checkpoint moves. Undefined where it has no `transform`. */
  readonly transformOnly?: (input: BatchInput, page: Page) => Promise<Batch | undefined>;
  /** Throws MigrationFailed where its `transform` takes text for numbers; for a trial. Undefined where it has none. */
  readonly checkArithmetic?: (trial: Pick<BatchInput, 'database' | 'table' | 'at'>) => Promise<void>;
}

/** A change of many tables, all of them or none. Made by `alterTables`. */
export interface AlterMigration extends AnyMigration {
  readonly kind: 'alterTables';
  /** A query for the tables, with the columns `schema`, `name` and `lacks`: whether it still lacks the change. */
  readonly tables: Sql;
  readonly alter: (table: Sql) => Sql;
  readonly maxTables: number;
  readonly lockTimeoutSeconds: number;
  readonly maxLockedSeconds: number;
}

/** The migration as the engine runs it. Throws MigrationFailed for anything that was not made by the engine's functions. */
export function registered(migration: Migration): Registered {
  const { batch, alter } = migration as Partial<RowMigration & Pick<AlterMigration, 'alter'>>;
  if (typeof (migration.kind === 'alterTables' ? alter : batch) === 'function') {
    return migration as Registered;
  }
  throw new MigrationFailed(
    `got ${JSON.stringify(migration)}, allowed is a migration made by backfill, rewrite or alterTables`,
  );
}
