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
import { type Page, startPage } from './page.ts';
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
  const database = await startDrillDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'drill-stack-'));
  try {
    const stack = await startOn(database, join(folder, 'cdk.out'));
    return { ...stack, close: () => closeAll(stack.close, database, folder) };
  } catch (error) {
    await closeAll(async () => {}, database, folder);
    throw error;
  }
}

async function closeAll(close: () => Promise<void>, database: DrillDatabase, folder: string): Promise<void> {
  await close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
}

async function startOn(database: DrillDatabase, outdir: string): Promise<Stack> {
  const runtime = await startRuntime({
    connection: database.connection,
    outdir,
    application,
    secondMs: 1, // the time that passes is that of DrillTime
    log: (line) => alarms.take(line),
  });
  const { migrationsMachineArn: machineArn, migrate, stepFunctions, credentials, sns } = runtime;
  const region = runtime.clientEnvironment.AWS_REGION as string;
  const sfn = new SFNClient({ endpoint: stepFunctions.url, region, credentials });

  const time: DrillTime = new DrillTime(database.clock, () => witness.look());
  const watcher = functionOf(runtime, 'watch');
  const alarms: Alarms = new Alarms({ alarms: runtime.alarms, watcher, now: () => time.now() });
  const executions = new Executions({ sfn, machineArn, notify: functionOf(runtime, 'notify') });
  const page: Page = await startPage(runtime, sfn);
  const witness = new Witness({ alarms, page, sns, time });

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
        }
        await time.pass(seconds);
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
    async close() {
      await page.close();
      await runtime.close();
      sfn.destroy();
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
