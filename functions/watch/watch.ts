import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient } from '@aws-sdk/client-sfn';
import { lambdaClock } from '../engine/clock.ts';
import { stackDatabase, waitsFor } from '../engine/database/data-api.ts';
import { useSchema } from '../engine/ledger/names.ts';
import { stalledOf } from '../engine/ledger/stalled.ts';
import { sendMetrics } from '../send-metrics.ts';
import { environment } from './environment.ts';
import { failedIn, failedUnseen, running } from './executions.ts';
import { type Look, listLag, secondsBetweenLooks } from './look.ts';

/**
 * The Lambda handler that looks for what nobody else can tell of: a run that goes on and does nothing, a failure that nobody recorded, a
 * follow-up job that failed. It asks Step Functions first, and the ledger only while something runs, so that a database that pauses may.
 * Configured by its environment: see environment.ts.
 */
export function watch(env: NodeJS.ProcessEnv = process.env): (look: Look) => Promise<void> {
  const { stack, machineArn, followUpArns, ledgerSchema } = environment(env);
  useSchema(ledgerSchema);
  const logger = new Logger();
  const sfn = new SFNClient({ requestHandler: waitsFor(10) });
  const database = stackDatabase(env, lambdaClock.sleep);
  const metrics = sendMetrics(stack, logger);

  return async ({ time }) => {
    const until = Date.parse(time) - listLag;
    const window = { from: until - secondsBetweenLooks * 1_000, until };

    const runs = await running(sfn, machineArn);
    const stalled = runs.length === 0 ? [] : await stalledOf(database, runs);
    for (const each of stalled) {
      logger.error('stalled', { ...each });
    }
    const unseen: string[] = [];
    for (const execution of await failedIn(sfn, machineArn, window)) {
      if (await failedUnseen(sfn, execution)) {
        unseen.push(execution);
      }
    }
    const followUps = (await Promise.all(followUpArns.map((arn) => failedIn(sfn, arn, window)))).flat();
    logger.info('looked', { running: runs.length, stalled: stalled.length, unseen, followUps });

    metrics.ofStack({
      MigrationsStalled: stalled.length,
      FollowUpsFailed: followUps.length,
      RunsFailed: unseen.length > 0 ? unseen.length : undefined,
    });
  };
}
