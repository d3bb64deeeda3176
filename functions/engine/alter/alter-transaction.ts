import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { identifier, type Sql, sql } from '../database/sql.ts';
import type { AlterMigration } from '../define/registered.ts';
import { DatabaseError, MigrationFailed, publicMessage } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { heldBy, move, moved } from '../ledger/move.ts';
import { type AlteredTable, tablesOf } from './alter-tables.ts';

/** An ALTER that failed, and with it the whole transaction. */
export class NotAltered extends DatabaseError {
  readonly table: AlteredTable;
  /** The message without values of rows, which a cast to another type may quote. */
  readonly inPublic: string;

  constructor(table: AlteredTable, nth: string, error: DatabaseError) {
    const { message, fault, sqlState, cause } = error;
    const where = `table ${table.schema}.${table.name} (${nth})`;
    super(`${where}: ${message}`, fault, sqlState, cause);
    this.table = table;
    this.inPublic = `${where}: ${publicMessage(error)}`;
  }
}

/** What one transaction changes, and says in the ledger. */
export interface AlterMove {
  /** How many tables there are. */
  readonly tables: number;
  /** Those to change, in the order of their names, so that two who do this never wait for each other. */
  readonly lacking: readonly AlteredTable[];
  /** Working time since the last move, in seconds. */
  readonly seconds: number;
}

/**
 * Changes tables and moves the checkpoint, all in one transaction or nothing. The checkpoint first, so that another
 * invocation that claims the migration meanwhile waits until this transaction has ended. Undefined if the claim or the checkpoint was not ours.
 */
export async function alterAll(
  database: Database,
  migration: AlterMigration,
  at: Checkpoint,
  { tables, lacking, seconds }: AlterMove,
  clock: Clock,
): Promise<Checkpoint | undefined> {
  return database.transaction(async (tx) => {
    const now = await move(
      tx,
      at,
      sql`
      WITH ${heldBy(at, 'durably')}, ${moved(at, {
        processed: sql`${tables - at.totalProcessed}`,
        updated: sql`${lacking.length}`,
        seconds,
      })}
      SELECT "moved#".*, ${settings(migration)} FROM "moved#"`,
    );
    if (now === undefined) {
      return undefined;
    }
    const begun = clock.now();
    for (const [i, table] of lacking.entries()) {
      const elapsed = clock.now() - begun;
      if (elapsed > migration.maxLockedSeconds) {
        throw tooLong(migration, elapsed, `${i} of ${lacking.length} were changed`);
      }
      try {
        await tx.execute(migration.alter(identifier(table.schema, table.name)));
      } catch (error) {
        if (!(error instanceof DatabaseError)) {
          throw error;
        }
        const failed = new NotAltered(table, `${i + 1} of ${lacking.length}`, error);
        throw error.isTimeout ? tooLong(migration, clock.now() - begun, failed.message) : failed;
      }
    }
    const left = (await tablesOf(tx, migration)).filter((table) => table.lacks && isAmong(lacking, table));
    if (left.length > 0) {
      throw notCured(migration, left);
    }
    return now.at;
  });
}

/** For the rest of the transaction, from which each of them takes its server-side end. */
function settings({ lockTimeoutSeconds, maxLockedSeconds }: AlterMigration): Sql {
  const ms = (seconds: number) => `${Math.ceil(seconds * 1_000)}ms`;
  // A Lambda that is alive asks again within milliseconds. One that was killed would leave its locks to the Data API, which
  // ends an idle transaction after three minutes: the server does after 5 s.
  return sql`
    set_config('lock_timeout', ${ms(lockTimeoutSeconds)}, true) AS lock_timeout,
    set_config('statement_timeout', ${ms(maxLockedSeconds)}, true) AS statement_timeout,
    set_config('idle_in_transaction_session_timeout', '5s', true) AS idle_timeout`;
}

/** Not tried again by itself: each try would keep those who use the tables waiting as long. */
function tooLong(
  { name, maxLockedSeconds }: AlterMigration,
  elapsed: number,
  problem: string,
): MigrationFailed {
  return new MigrationFailed(
    `migration "${name}": ${problem}, when its transaction had held its locks for ${elapsed.toFixed(1)} s of the ` +
      `${maxLockedSeconds} s that it may (maxLockedSeconds). None of these tables was changed. Start the machine again at a ` +
      'quieter time, split the migration into several by what "tables" finds, or allow more; a change that rewrites large ' +
      'tables is better made as a new column and a backfill',
  );
}

function notCured({ name }: AlterMigration, left: readonly AlteredTable[]): MigrationFailed {
  const names = left.slice(0, 10).map((table) => `${table.schema}.${table.name}`);
  return new MigrationFailed(
    `migration "${name}": "tables" still finds ${left.length} tables lacking the change after they were given it, among ` +
      `them ${names.join(', ')}. None of these tables was changed. Correct "tables" or "alter", so that they fit each other`,
  );
}

function isAmong(tables: readonly AlteredTable[], { schema, name }: AlteredTable): boolean {
  return tables.some((table) => table.schema === schema && table.name === name);
}
