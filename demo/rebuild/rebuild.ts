import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import type { Caller, RebuildRequest, Replayed } from '../../functions/contract.ts';
import { measured, startPace, tooSlow } from '../../functions/engine/batch/batch-size.ts';
import type { Clock } from '../../functions/engine/clock.ts';
import { lambdaClock } from '../../functions/engine/clock.ts';
import { type Database, stackDatabase } from '../../functions/engine/database/data-api.ts';
import { DatabaseError, MigrationFailed, Superseded } from '../../functions/engine/errors.ts';
import { operation, sliceDeadline } from '../../functions/engine/invocation.ts';
import type { Projection } from '../projections/projection.ts';
import { prepare } from './prepare.ts';
import { claimRebuild, isHeld, type RebuildProgress } from './progress.ts';
import { replayPage } from './replay.ts';
import { horizonNow, swap } from './swap.ts';

type Handler = (
  request: RebuildRequest,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<Replayed | Record<string, never>>;

/** The Lambda handler of a rebuild machine, for one projection. Configured by its environment. */
export function rebuild(projection: Projection): Handler {
  const logger = new Logger();
  const database = stackDatabase(process.env, lambdaClock.sleep);
  return (request, context) => {
    logger.resetKeys();
    logger.appendKeys({ operation: request.operation, rebuild: request.rebuild?.execution_arn });
    return operation(`${request.operation} of ${projection.job}`, async () => {
      if (request.operation === 'prepare') {
        await prepare(database, projection, request.rebuild);
        return {};
      }
      if (request.operation === 'replay') {
        const deadline = sliceDeadline(lambdaClock, context.getRemainingTimeInMillis());
        const replayed = await replay(database, projection, request.rebuild, lambdaClock, deadline);
        logger.info('slice', { ...replayed });
        return replayed;
      }
      throw new MigrationFailed(
        `no such operation: ${JSON.stringify(request)}. This function is called by its state machine`,
      );
    });
  };
}

// Pages of half a second; no rest, since nothing but the fresh table is written.
const pace = { targetSeconds: 0.5, restSeconds: 0, maxRows: 10_000 };
// Half a minute of patience with locks and load, then Step Functions waits longer.
const mostFailures = 9;

/** Replays events for one slice, and swaps the fresh table in once the end of the log is near. */
export async function replay(
  database: Database,
  projection: Projection,
  caller: Caller,
  clock: Clock,
  deadline: number,
): Promise<Replayed> {
  const superseded = () =>
    new Superseded(
      `${projection.job}: another rebuild began after ${caller.execution_arn}, and goes on instead`,
    );
  let now = startPace(pace, null);
  let failures = 0;
  let at: RebuildProgress | undefined;
  while (clock.now() < deadline) {
    const begun = clock.now();
    try {
      // Also after a failure whose outcome is unknown.
      at ??= await claimRebuild(database, projection.job, caller);
      if (at === undefined) {
        throw superseded();
      }
      if (at.finished) {
        return answer('done', at);
      }
      if (at.position >= at.horizon) {
        at = (await swap(database, projection, at)) ?? {
          ...at,
          horizon: await horizonNow(database, projection),
        };
        continue;
      }
      const page = await replayPage(database, projection, at, now.size);
      // Another invocation has the claim. It is not taken back here: two that did so would never get on.
      if (page === undefined) {
        return answer('more', at);
      }
      at = page.at;
      now = measured(now, page.events, clock.now() - begun, page.bytesPerRow);
      failures = 0;
    } catch (error) {
      // Whatever made no sense: the fresh table may be a newer rebuild's, or gone since a duplicate of us swapped it in.
      if (at !== undefined && !isOfTheDatabase(error) && !(await isHeld(database, at))) {
        at = undefined;
        continue;
      }
      if (!(error instanceof DatabaseError) || error.fault === 'migration') {
        throw error;
      }
      if (error.fault === 'row' && now.size === 1) {
        throw error;
      }
      failures += 1;
      if (failures > mostFailures && error.fault === 'moment') {
        throw error;
      }
      now = tooSlow(now, now.size, clock.now() - begun);
      if (error.fault === 'moment') {
        await clock.sleep(Math.min(0.25 * 2 ** (failures - 1), 10));
      }
      at = undefined;
    }
  }
  return answer('more', at);
}

const isOfTheDatabase = (error: unknown) => error instanceof DatabaseError && error.fault !== 'migration';

function answer(state: Replayed['state'], at: RebuildProgress | undefined): Replayed {
  return { state, rest_seconds: 0, events: at?.events ?? 0, projections: at?.projections ?? 0 };
}
