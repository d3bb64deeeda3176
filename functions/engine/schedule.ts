import type { Checkpoint } from './checkpoint.ts';
import type { Database } from './database.ts';
import type { RowMigration } from './migration.ts';
import type { Clock, Schedule } from './slice.ts';
import type { Table } from './table.ts';

// Room for whoever waits on the database: a hundredth of the time, unless the migration asks for more.
const restShare = 0.01;

/** When the batches of a slice may begin, and how long they rest. */
export async function scheduleOf(
  _database: Database,
  migration: RowMigration,
  _table: Table,
  at: Checkpoint,
  _clock: Clock,
): Promise<Schedule> {
  const { restSeconds } = migration.pace;
  const inForeground = at.request.mode === 'foreground';
  return {
    hold: async () => undefined,
    rest: (seconds) => ({ seconds: inForeground ? 0 : (restSeconds ?? seconds * restShare) }),
  };
}
