import type { MigrateRequest } from '../../functions/contract.ts';
import { lambdaClock } from '../../functions/engine/clock.ts';
import type { RowMigration } from '../../functions/engine/define/registered.ts';
import { databaseClock } from '../../local/postgres/database-clock.ts';
import type { TestEngine } from './engine.ts';

/** One time for the machine, the processes and the database, which goes forward by what any of them waits or works. */
export interface Calendar {
  /** Sets it to an instant. */
  begin(at: string): Promise<void>;
  /** Days since then. */
  readonly days: number;
  /** For `engine.run`, after each operation: goes forward by the rest that the machine takes then. */
  readonly rest: (request: MigrateRequest, answer: unknown) => Promise<void>;
  /** A migration whose rows take so many seconds each, also where they are only tried. */
  slow(migration: RowMigration, secondsPerRow: number): RowMigration;
}

/** Gives an engine and its database a calendar. */
export async function calendarOf({
  clock,
  database,
}: Pick<TestEngine, 'clock' | 'database'>): Promise<Calendar> {
  const inDatabase = await databaseClock(database);
  let ahead = 0;
  let begun = Date.now();
  const forward = async (seconds: number) => {
    ahead += seconds;
    await inDatabase.forward(seconds);
  };
  const date = () => Date.now() + ahead * 1_000;
  Object.assign(clock, { now: () => lambdaClock.now() + ahead, date, sleep: forward });
  return {
    async begin(at) {
      begun = Date.parse(at);
      await forward((begun - date()) / 1_000);
    },
    get days() {
      return (date() - begun) / 86_400_000;
    },
    rest: async (_, answer) => {
      const { rest_seconds: seconds = 0 } = answer as { readonly rest_seconds?: number };
      if (seconds > 0) {
        await forward(seconds);
      }
    },
    slow: (migration, secondsPerRow) => ({
      ...migration,
      batch: async (input, page) => {
        const done = await migration.batch(input, page);
        await forward((done?.rows ?? 0) * secondsPerRow);
        return done;
      },
    }),
  };
}
