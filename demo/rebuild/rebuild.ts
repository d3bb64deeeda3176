import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import type { Execution, RebuildRequest, Replayed } from '../../functions/contract.ts';
import { startPace } from '../../functions/engine/batch/batch-size.ts';
import type { Clock } from '../../functions/engine/clock.ts';
import { lambdaClock } from '../../functions/engine/clock.ts';
import { type Database, stackDatabase } from '../../functions/engine/database/data-api.ts';
import { DatabaseError, MigrationFailed, Superseded } from '../../functions/engine/errors.ts';
import { operation, sliceDeadline } from '../../functions/engine/invocation.ts';
import { useSchema } from '../../functions/engine/ledger/names.ts';
import { inBatches, type Step } from '../../functions/engine/slice/batch-loop.ts';
import type { Projection } from '../projections/projection.ts';
import { prepare } from './prepare.ts';
import { claimRebuild, isHeld, type RebuildProgress } from './progress.ts';
import { replayPage } from './replay.ts';
import { swap } from './swap.ts';

type Handler = (
  request: RebuildRequest,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<Replayed | Record<string, never>>;

/** The Lambda handler of a rebuild machine, for one projection. Configured by its environment. */
export function rebuild(projection: Projection): Handler {
  useSchema(process.env.LEDGER_SCHEMA);
  const logger = new Logger();
  const database = stackDatabase(process.env, lambdaClock.sleep);
  return (request, context) => {
    logger.resetKeys();
    logger.appendKeys({ operation: request.operation, rebuild: request.rebuild?.execution_arn });
    return operation(`${request.operation} of ${projection.job}`, { showsRowData: false }, async () => {
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

// Pages of half a second: nothing but the fresh table is written, so nobody waits for it.
const pace = { targetSeconds: 0.5, restSeconds: 0, maxRows: 10_000 };

/** Replays events for one slice, and swaps the fresh table in once the end of the log is near. */
export async function replay(
  database: Database,
  projection: Projection,
  caller: Execution,
  clock: Clock,
  deadline: number,
): Promise<Replayed> {
  let at: RebuildProgress | undefined;
  const { state } = await inBatches({
    clock,
    isOver: () => clock.now() >= deadline,
    pace: startPace(pace, null),
    batch: async ({ size }): Promise<Step> => {
      const before = at;
      try {
        // Also after a failure whose outcome is unknown.
        at ??= await claimRebuild(database, projection.job, caller);
        if (at === undefined) {
          throw superseded(projection, caller);
        }
        if (at.finished) {
          return 'done';
        }
        if (at.position >= at.horizon) {
          at = await swap(database, projection, at, { clock, size });
          return 'again';
        }
        const page = await replayPage(database, projection, at, size);
        // Another invocation has the claim. It is not taken back here: two that did so would never get on.
        if (page === undefined) {
          return 'lost';
        }
        at = page.at;
        return { rows: page.events, bytesPerRow: page.bytesPerRow };
      } catch (error) {
        const claimed = at ?? before;
        at = undefined;
        // Whatever made no sense: the fresh table may be a newer rebuild's, or gone since a duplicate of us swapped it in.
        if (claimed !== undefined && !isOfTheDatabase(error) && !(await isHeld(database, claimed))) {
          return 'again';
        }
        throw error;
      }
    },
    failure: (_fault, error) => error,
  });
  return answer(state === 'done' ? 'done' : 'more', at);
}

const superseded = ({ job }: Projection, { execution_arn }: Execution): Superseded =>
  new Superseded(`${job}: another rebuild began after ${execution_arn}, and goes on instead`);

const isOfTheDatabase = (error: unknown): boolean =>
  error instanceof DatabaseError && error.fault !== 'migration';

function answer(state: Replayed['state'], at: RebuildProgress | undefined): Replayed {
  return { state, rest_seconds: 0, events: at?.events ?? 0, projections: at?.projections ?? 0 };
}
