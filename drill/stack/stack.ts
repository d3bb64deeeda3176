import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { LambdaFunction } from '../../local/lambda/function.ts';
import type { Outcome } from '../../local/lambda/outcome.ts';
import { type Runtime, startRuntime } from '../../local/runtime.ts';
import { application } from '../application/application.ts';
import { Alarms } from './alarms.ts';
import { type DrillDatabase, startDrillDatabase } from './database.ts';
import { Executions } from './executions.ts';
import { startPage } from './page.ts';
import { DrillTime } from './time.ts';
import { Witness } from './witness.ts';

/** The local stack on a database of its own, with all who watch it, and a hand on the time. */
export interface Stack {
  readonly database: DrillDatabase;
  readonly executions: Executions;
  readonly alarms: Alarms;
  readonly time: DrillTime;
  readonly witness: Witness;
  readonly migrate: LambdaFunction;
  /** The machine of the follow-up job. */
  readonly followUpArn: string;
  /** Has the machines call another function in place of `migrate`. */
  replaceMigrate(other: LambdaFunction): void;
  /** Does something once, while the next migration that rests does so. */
  inNextRest(work: () => Promise<void>): void;
  close(): Promise<void>;
}

/** Starts all of it, or nothing. It takes some seconds. */
export async function startStack(): Promise<Stack> {
  const opened: Close[] = [];
  const close = async () => {
    for (const each of opened.splice(0).toReversed()) {
      await each();
    }
  };
  try {
    return { ...(await startParts(opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Close = () => Promise<void>;

/** @param opened Gets what closes each part, in the order in which they are started. */
async function startParts(opened: Close[]): Promise<Omit<Stack, 'close'>> {
  const database = await startDrillDatabase();
  opened.push(database.close);
  const outdir = await mkdtemp(join(tmpdir(), 'drill-stack-'));
  opened.push(() => rm(outdir, { recursive: true, force: true }));
  const runtime = await startRuntime({
    connection: database.connection,
    outdir,
    application,
    secondMs: 1, // the time that passes is that of DrillTime
    log: (line) => alarms.take(line),
  });
  opened.push(runtime.close);
  const { migrationsMachineArn: machineArn, migrate, stepFunctions, credentials, sns } = runtime;
  const region = runtime.clientEnvironment.AWS_REGION as string;
  const sfn = new SFNClient({ endpoint: stepFunctions.url, region, credentials });
  opened.push(async () => sfn.destroy());

  const time: DrillTime = new DrillTime(database.clock, () => witness.look());
  const watcher = functionOf(runtime, 'watch');
  const alarms: Alarms = new Alarms({ alarms: runtime.alarms, watcher, now: () => time.now() });
  const executions = new Executions({ sfn, machineArn, notify: functionOf(runtime, 'notify') });
  const page = await startPage(runtime, sfn);
  opened.push(page.close);
  const witness = new Witness({ alarms, page, sns, time });

  // The machine waits for milliseconds where a migration rests: it is the time that passes.
  let atRest: (() => Promise<void>) | undefined;
  const replaceMigrate = (other: LambdaFunction) => {
    const resting: LambdaFunction = {
      ...other,
      async invoke(payload, arn) {
        const outcome = await other.invoke(payload, arn);
        const seconds = restSeconds(outcome);
        if (seconds > 0) {
          await atRest?.();
          atRest = undefined;
          await time.pass(seconds);
        }
        return outcome;
      },
    };
    stepFunctions.deploy({ machines: [], functions: [resting] });
  };
  replaceMigrate(migrate);

  return {
    database,
    executions,
    alarms,
    time,
    witness,
    migrate,
    followUpArn: Object.values(runtime.followUps)[0] as string,
    replaceMigrate,
    inNextRest(work) {
      atRest = work;
    },
  };
}

function functionOf({ functions }: Runtime, service: 'watch' | 'notify'): LambdaFunction {
  const found = functions.find(({ name }) => new RegExp(`${service}Function`, 'i').test(name));
  if (found === undefined) {
    throw new Error(`the stack has no function ${service}`);
  }
  return found;
}

/** For how long a machine would wait after this answer, in seconds. */
function restSeconds(outcome: Outcome): number {
  const { rest_seconds: seconds = 0 } =
    outcome.status === 'succeeded' ? ((outcome.payload ?? {}) as { rest_seconds?: number }) : {};
  return seconds;
}
