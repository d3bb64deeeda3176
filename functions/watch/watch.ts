import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient } from '@aws-sdk/client-sfn';
import { lambdaClock } from '../engine/clock.ts';
import { stackDatabase, waitsFor } from '../engine/database/data-api.ts';
import { useSchema } from '../engine/ledger/names.ts';
import { type Stalled, stalledOf } from '../engine/ledger/stalled.ts';
import { sendMetrics } from '../send-metrics.ts';
import { isAnyAtWork } from './at-work.ts';
import { environment } from './environment.ts';
import { failedIn, failedUnseen, running } from './executions.ts';
import { type Look, windowOf } from './look.ts';

/**
 * The Lambda handler that looks for what nobody else can tell of: a run that goes on and does nothing, a failure that nobody recorded, a
 * follow-up job that failed. It asks Step Functions first, and the ledger only while something is at work: so a database that pauses may
 * sleep while nothing runs, and through the hours in which all that runs only waits for its window. Configured by its environment: see
 * environment.ts.
 */
export function watch(env: NodeJS.ProcessEnv = process.env): (look: Look) => Promise<void> {
  const { stack, machineArn, followUpArns, ledgerSchema } = environment(env);
  useSchema(ledgerSchema);
  const logger = new Logger();
  const sfn = new SFNClient({ requestHandler: waitsFor(10) });
  const database = stackDatabase(env, lambdaClock.sleep);
  const metrics = sendMetrics(stack, logger);

  /** What has stalled; undefined if the ledger does not answer. The failures that the look has found are told all the same. */
  const stalledIn = async (runs: readonly string[]): Promise<readonly Stalled[] | undefined> => {
    try {
      const stalled = await stalledOf(database, runs);
      for (const each of stalled) {
        logger.error('stalled', { ...each });
      }
      return stalled;
    } catch (error) {
      logger.error('the ledger does not answer', error as Error);
      return undefined;
    }
  };

  return async (look) => {
    const window = windowOf(look);
    const runs = await running(sfn, machineArn);
    const isAtWork = await isAnyAtWork(sfn, runs, Date.parse(look.time));
    const stalled = isAtWork ? await stalledIn(runs) : [];
    const unseen: string[] = [];
    for (const execution of await failedIn(sfn, machineArn, window)) {
      if (await failedUnseen(sfn, execution)) {
        unseen.push(execution);
      }
    }
    const followUps = (await Promise.all(followUpArns.map((arn) => failedIn(sfn, arn, window)))).flat();
    logger.info('looked', { running: runs.length, isAtWork, stalled: stalled?.length, unseen, followUps });

    metrics.ofStack({
      MigrationsStalled: stalled?.length,
      FollowUpsFailed: followUps.length,
      RunsFailed: unseen.length > 0 ? unseen.length : undefined,
    });
  };
}
