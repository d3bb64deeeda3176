import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap, RunInput } from '../functions/contract.ts';
import { sql } from '../functions/engine/database/sql.ts';
import { executionArn, executionName } from '../functions/engine/ledger/execution-names.ts';
import { migrations } from '../functions/migrations/index.ts';
import { interruptedByUser } from './command.ts';
import type { Io } from './io.ts';
import { type Session, sessionOf, startSession } from './session.ts';
import type { Step } from './steps.ts';
import { start } from './system/start.ts';
import { defaultMachine, findSystem, type System } from './system/system.ts';
import { endedBadly, follow, printEnd } from './system/wait.ts';

/** `npm start`: runs every migration on the demo's data, waits for the rebuild, prints the run's output. */
export async function demo(io: Io, { fresh }: { readonly fresh: boolean }): Promise<number> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  const session = await startSession(io, { fresh });
  try {
    return (await Promise.race([run(io, session), session.interrupted])) ?? interruptedByUser;
  } finally {
    await session.close();
  }
}

const input: RunInput = { mode: 'foreground' };

async function run(io: Io, { runtime, log }: Session): Promise<number | undefined> {
  const system = await findSystem(io, { machine: defaultMachine }, migrations, sessionOf(runtime));
  io.err.write(`Running with ${JSON.stringify(input)}: rests and maintenance windows are skipped\n`);
  try {
    const migrated = await follow(system, await start(system, input));
    if (migrated === undefined) return undefined;
    const code = printEnd(system, migrated);
    const rebuild = executionArn(runtime.rebuildMachineArn, executionName(migrated.executionArn as string));
    const rebuilt = declared(migrated) && (await follow(system, rebuild, () => readRebuild(system, rebuild)));
    if (code === 0 && (!rebuilt || rebuilt.status === 'SUCCEEDED')) return 0;
    if (rebuilt) io.err.write(endedBadly(rebuilt));
    io.err.write(`What the functions said: ${log}\n`);
    return 1;
  } finally {
    system.close();
  }
}

/** Whether the run has started a rebuild. */
function declared({ output }: DescribeExecutionOutput): boolean {
  return output !== undefined && (JSON.parse(output) as ResultMap).next_jobs !== undefined;
}

async function readRebuild(system: System, rebuild: string): Promise<readonly Step[]> {
  const database = await system.database();
  const rows = await database.query(sql`
    SELECT job, events, (SELECT count(*) FROM employee_events) AS known, finished_at IS NOT NULL AS ended
    FROM data_migrations.rebuilds WHERE execution_arn = ${rebuild}`);
  return rows.map(({ job, events, known, ended }) => ({
    name: String(job),
    done: Number(events),
    known: Number(known),
    ended: ended === true,
  }));
}
