import type { Logger } from '@aws-lambda-powertools/logger';
import { number } from 'valibot';
import { startPace } from '../batch/batch-size.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { sql } from '../database/sql.ts';
import type { Table } from '../database/table.ts';
import type { Rest } from '../define/batch.ts';
import type { RowMigration } from '../define/registered.ts';
import { DatabaseError, MigrationFailed } from '../errors.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import type { Tally } from '../slice/tally.ts';
import type { Schedule } from '../slice/walk.ts';
import { nextLook } from '../time/backoff.ts';
import { durationText, parseDuration } from '../time/duration.ts';
import { secondsUntilOpen, type WindowOptions, windowText } from '../time/maintenance-window.ts';
import { trial } from '../trial/trial.ts';
import { pressure } from './load-signals.ts';
import { deadlineProblem, planThrottle, restAfter, rowsLeft, type ThrottlePlan } from './throttle.ts';

/** What a schedule works with. */
export interface Surroundings {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  /** Where the plan and what was seen are noted; left out where nobody wants to know. */
  readonly tally?: Tally;
}

// Leaves the database to others for a hundredth of the time, unless the migration asks for more.
export const restShare = 0.01;
// Some milliseconds every 5 s are two thousandths of the time.
const secondsBetweenAsking = 5;
// Step Functions waits for years; after a day it looks again, should somebody have changed the window.
const longestWait = 86_400;

/**
 * When the batches of a slice may begin, and how long they rest: inside the window, while the database is not under
 * pressure, spread over the time that the migration has. Throws MigrationFailed, before anything is changed, if it cannot be
 * done in that time; and when it has been held under pressure for longer than its `pressureTimeout`.
 */
export async function scheduleOf(
  { database, clock, logger, tally }: Surroundings,
  migration: RowMigration,
  table: Table,
  at: Checkpoint,
): Promise<Schedule> {
  const { mode, force = false, background } = at.request;
  const isInBackground = background !== undefined;
  const rests = mode !== 'foreground';
  const window = rests ? migration.window : undefined;
  const { within } = migration;
  const pressureTimeout = parseDuration(migration.pressureTimeout);
  let asked = Number.NEGATIVE_INFINITY;
  let unmeasured = within !== undefined && at.batches === 0 && at.secondsPerRow === null;
  let load: number | undefined;
  let { heldSeconds } = at;

  const held = async (): Promise<Rest | undefined> => {
    if (force || clock.now() - asked < secondsBetweenAsking) {
      return undefined;
    }
    asked = clock.now();
    const { reason, lockWaits } = await pressure(database, table);
    tally?.sawLockWaits(lockWaits);
    if (reason === undefined) {
      heldSeconds = 0;
      return undefined;
    }
    const left = pressureTimeout - heldSeconds;
    if (left <= 0) {
      throw underPressureTooLong(migration, reason);
    }
    return { seconds: Math.min(nextLook(heldSeconds), left), reason, heldSeconds };
  };

  const plan = async (secondsPerRow: number): Promise<void> => {
    if (within === undefined) {
      return;
    }
    const begun = await begunWith(database, at);
    if (begun === undefined) {
      return; // the claim is gone, as the next batch will notice
    }
    const { batch_size: most = migration.pace.maxRows, lanes = migration.lanes ?? 1 } = at.request;
    const found = planThrottle({
      rowsLeft: rowsLeft(at.pass, begun.rowsKnown, at.totalProcessed),
      looksAgain: at.pass > 1,
      secondsPerRow: secondsPerRow / lanes,
      batchRows: Math.min(most, startPace(migration.pace, secondsPerRow).size),
      now: clock.date(),
      mustEndAt: (begun.at + parseDuration(within)) * 1_000,
      window,
      rests,
    });
    load = found.load;
    await keep(database, at, found.planned);
    if (tally !== undefined) {
      tally.plan = found.planned;
    }
    const problem = deadlineProblem(found, within, window);
    if (problem === undefined) {
      return;
    }
    if (at.batches === 0) {
      throw new MigrationFailed(`migration "${migration.name}": ${problem}. Nothing was changed`);
    }
    logger.warn(`late, so it rests no more: ${problem}`, { schedule: found.planned });
  };

  if (at.secondsPerRow !== null) {
    await plan(at.secondsPerRow);
  }
  return {
    hold: async () => {
      const rest = closed(window, clock.date()) ?? (await held());
      if (rest !== undefined || !unmeasured) {
        return rest;
      }
      unmeasured = false;
      const secondsPerRow = await triedRate(database, migration, table, clock.now);
      if (secondsPerRow !== undefined) {
        await plan(secondsPerRow);
      }
      return undefined;
    },
    rest: (seconds) => {
      if (!rests) {
        return { seconds: 0 };
      }
      // Together, those at work press no more than one would alone.
      const share = isInBackground ? restAfter(1 / (1 + at.besides), seconds) : 0;
      if (load !== undefined && restAfter(load, seconds) >= share) {
        return { seconds: restAfter(load, seconds), reason: `spread over ${within}`, addsUp: true };
      }
      const own = load === undefined ? (migration.pace.restSeconds ?? seconds * restShare) : 0;
      return share > own ? { seconds: share, reason: besidesText(at.besides) } : { seconds: own };
    },
  };
}

const besidesText = (others: number): string =>
  `leaves room for ${others === 1 ? 'the other migration' : `the ${others} other migrations`} at work`;

function underPressureTooLong({ name, pressureTimeout }: RowMigration, reason: string): MigrationFailed {
  return new MigrationFailed(
    `migration "${name}" has been held for ${durationText(parseDuration(pressureTimeout))}, its "pressureTimeout", because ${reason}. End what is ` +
      'in the way and start the machine again, or start it with {"force": true}, which does not ask: it goes on from there',
  );
}

/**
 * Seconds per row before the first batch, from some that are rolled back: of rows that need the change, so where most do
 * not, the plan is too careful. Undefined if that did not work: the batches will find out why.
 */
async function triedRate(
  database: Database,
  migration: RowMigration,
  table: Table,
  now: Clock['now'],
): Promise<number | undefined> {
  try {
    const { rows, seconds } = await trial(database, migration, table, now);
    return rows === 0 ? undefined : seconds / rows;
  } catch (error) {
    if (error instanceof DatabaseError) {
      return undefined;
    }
    throw error;
  }
}

/** When the migration began, in seconds since 1970, and with how many rows; undefined if the claim is not ours any more. */
async function begunWith(
  database: Database,
  at: Checkpoint,
): Promise<{ readonly at: number; readonly rowsKnown: number } | undefined> {
  const [row] = await database.query(
    sql`
    SELECT extract(epoch FROM m.started_at)::float8 AS started_at, m.rows_known
    FROM ${ledger.migrations} m WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`,
    { started_at: number(), rows_known: number() },
  );
  return row && { at: row.started_at, rowsKnown: row.rows_known };
}

/** Leaves the plan in the ledger, for those who watch. */
async function keep(database: Database, at: Checkpoint, planned: ThrottlePlan): Promise<void> {
  await database.execute(sql`
    UPDATE ${ledger.migrations} m SET schedule = ${JSON.stringify(planned)}::jsonb
    WHERE m.name = ${at.migration} AND m.claim = ${at.claim}::uuid`);
}

function closed(window: WindowOptions | undefined, date: number): Rest | undefined {
  const seconds = secondsUntilOpen(window, date);
  if (window === undefined || seconds === 0) {
    return undefined;
  }
  return {
    seconds: Math.min(seconds, longestWait),
    reason: `outside the maintenance window ${windowText(window)}`,
  };
}
