import { nullable, number, string } from 'valibot';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/data-api.ts';
import { identifier, regclass, sql } from '../database/sql.ts';
import type { AlterMigration } from '../define/registered.ts';
import { DatabaseError, DatabaseUnavailable, MigrationFailed, publicMessage } from '../errors.ts';
import { type Checkpoint, reload, remember } from '../ledger/checkpoint.ts';
import { ledger } from '../ledger/names.ts';
import type { Progress } from '../slice/slice.ts';
import type { Tally } from '../slice/tally.ts';
import { between } from '../time/backoff.ts';
import { type AlteredTable, tablesOf } from './alter-tables.ts';
import { alterAll, NotAltered } from './alter-transaction.ts';
import { checkLimits } from './lock-limits.ts';

// From here on Step Functions waits instead of the Lambda, which is paid for; and so long, for a lock to be let go.
const longestPause = 5;
const restSeconds = 30;
// A nightly dump or report holds its tables about so long. Then Step Functions tries for 20 min more, and the run fails.
const triesFor = 3_600;

/**
 * Changes all tables that lack the change in one transaction, or none of them; and again, until none lacks it: tables may
 * be made meanwhile. A try that gets no lock leaves the others at least as long as it was in their way, each time longer.
 */
export async function runAlter(
  database: Database,
  migration: AlterMigration,
  claimed: Checkpoint,
  clock: Clock,
  isOver: () => boolean,
  tally: Tally,
): Promise<Progress> {
  let at = claimed;
  let pause = migration.lockTimeoutSeconds;
  let accounted = clock.now();
  // Since when somebody else's locks are in its way.
  let heldSince = clock.now() - claimed.heldSeconds;

  while (!isOver()) {
    const begun = clock.now();
    try {
      // Asked each time: the COMMIT of the try before may have come through although its answer did not.
      const now = await reload(database, at);
      if (now === undefined) {
        return { state: 'lost' };
      }
      tally.moved(at, now);
      at = now;
      const tables = await tablesOf(database, migration);
      const lacking = tables.filter(({ lacks }) => lacks);
      if (lacking.length === 0 && at.totalProcessed === tables.length) {
        return {
          state: 'done',
          at,
          seconds: clock.now() - accounted,
        };
      }
      await checkLimits(database, migration, lacking);
      const move = { tables: tables.length, lacking, seconds: begun - accounted };
      const altered = (await alterAll(database, migration, at, move, clock)) ?? at;
      tally.moved(at, altered);
      at = altered;
      accounted = begun;
      const seconds = clock.now() - begun;
      tally.batch({ seconds, locked: seconds });
      heldSince = clock.now();
      pause = migration.lockTimeoutSeconds;
    } catch (error) {
      if (!(error instanceof DatabaseError)) {
        throw error;
      }
      if (error.fault !== 'moment') {
        await failUnlessGone(database, migration, error);
      }
      tally.triedAgain += 1;
      if (pause >= longestPause) {
        const reason = await reasonOf(database, error);
        await giveUpAfterAll(database, migration, at, reason, error);
        const rest = { seconds: restSeconds, reason, heldSeconds: clock.now() - heldSince };
        await remember(database, at, { seconds: clock.now() - accounted, rest });
        return { state: 'more', at, rest };
      }
      await clock.sleep(between(pause / 2, pause));
      pause *= 2;
    }
  }
  await remember(database, at, { seconds: clock.now() - accounted });
  return { state: 'more', at, rest: { seconds: 0 } };
}

/** Fails, unless the table was dropped, or changed by somebody else, since we looked. */
async function failUnlessGone(
  database: Database,
  migration: AlterMigration,
  error: DatabaseError,
): Promise<void> {
  const table = error instanceof NotAltered ? error.table : undefined;
  const now = await tablesOf(database, migration);
  if (table !== undefined && !now.some((found) => found.lacks && isSame(found, table))) {
    return;
  }
  const say = (what: string) =>
    `migration "${migration.name}", ${what}. None of these tables was changed. Correct the table or the migration, deploy, and ` +
    'start the machine again';
  const what = error instanceof NotAltered ? error.inPublic : publicMessage(error);
  throw new MigrationFailed(say(what), { inFull: say(error.message), cause: error });
}

const isSame = (a: AlteredTable, b: AlteredTable) => a.schema === b.schema && a.name === b.name;

/** Fails if it has been tried for long enough. */
async function giveUpAfterAll(
  database: Database,
  migration: AlterMigration,
  at: Checkpoint,
  reason: string,
  error: DatabaseError,
): Promise<void> {
  const [row] = await database.query(
    sql`
    SELECT extract(epoch FROM now() - GREATEST(m.started_at, r.started_at))::float8 AS seconds
    FROM ${ledger.migrations} m JOIN ${ledger.runs} r ON r.execution_arn = m.run
    WHERE m.name = ${at.migration}`,
    { seconds: number() },
  );
  const seconds = row?.seconds ?? 0;
  if (seconds < triesFor) {
    return;
  }
  throw new DatabaseUnavailable(
    `migration "${migration.name}", ${error.message}: ${reason}. Tried for ${Math.round(seconds / 60)} min in vain, and ` +
      'nothing was changed. End what holds the lock, or wait for it, and start the machine again',
    { cause: error },
  );
}

/** What is in the way, in words. */
async function reasonOf(database: Database, error: DatabaseError): Promise<string> {
  if (!(error instanceof NotAltered) || error.sqlState !== '55P03') {
    return error.message;
  }
  const { schema, name } = error.table;
  const [row] = await database.query(
    sql`
    SELECT string_agg(DISTINCT format('process %s (%s)', a.pid, COALESCE(NULLIF(a.application_name, ''), a.backend_type))
        || COALESCE(format(', in a transaction for %s s', extract(epoch FROM now() - a.xact_start)::integer), ''), '; ')
        AS holders
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND a.datname = current_database()
      AND l.relation = ${regclass(identifier(schema, name))}`,
    { holders: nullable(string()) },
  );
  return `waits for the lock on ${schema}.${name}, held by ${row?.holders ?? 'somebody'}`;
}
