import { setTimeout as sleep } from 'node:timers/promises';
import { type DescribeExecutionOutput, RedriveExecutionCommand } from '@aws-sdk/client-sfn';
import { unpause } from '../functions/engine/ledger/controls.ts';
import { requestOf, wasRefused } from '../functions/engine/ledger/execution-purpose.ts';
import { actionOf } from '../functions/engine/ledger/run-record.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { printStarted } from './start.ts';
import { backgroundOf, describe, describeSoon, latest, underWay } from './system/executions.ts';
import { ledgerFor } from './system/ready.ts';
import { start } from './system/start.ts';
import { statusOfOne } from './system/status.ts';
import type { System } from './system/system.ts';
import { waitFor } from './system/wait.ts';
import { who } from './system/who.ts';

export const resume: OperatorCommand<{ readonly wait?: boolean; readonly json?: boolean }> = {
  usage: 'resume [migration]',
  about:
    'end the pause of a migration and go on with it in the background; or go on with the last run: redrive it if it was stopped (with the code it began with), start it again if it failed',
  exits: [
    'it goes on; with --wait: it succeeded, with the result map on stdout',
    'nothing to resume; with --wait: it failed',
    noSuchMigration,
  ],
  options: [['--wait', 'show the progress, and end as the run ends'], jsonOption],
  async run(system, { wait, json }, name) {
    const { err } = system.io;
    if (name !== undefined) {
      return resumeOne(system, name, { wait, json });
    }
    const [running] = await underWay(system);
    if (running !== undefined) {
      err.write(`nothing to resume: ${running.executionArn} is under way\n`);
      return 1;
    }
    const last = await lastRun(system);
    if (last === undefined || last.status === 'SUCCEEDED') {
      err.write(
        last === undefined
          ? 'nothing to resume: nothing has run here yet\n'
          : `nothing to resume: the last run, ${last.executionArn}, succeeded\n`,
      );
      return 1;
    }
    const arn = await goOn(system, last);
    return wait ? waitFor(system, arn) : printStarted(system, arn, json);
  },
};

/** Ends the pause of a migration, and goes on with it unless something does already. */
async function resumeOne(
  system: System,
  name: string,
  { wait, json }: { readonly wait: boolean | undefined; readonly json: boolean | undefined },
): Promise<number> {
  const { err } = system.io;
  const database = await ledgerFor(system, name);
  const wasPaused = await unpause(database, name, who());
  if (wasPaused) {
    err.write(`the pause of ${name} has ended\n`);
  }
  const { status } = await statusOfOne(system, name);
  const execution = await backgroundOf(system, name);
  const isOver = status.state === 'finished' || status.state === 'cleaned up' || !status.registered;
  if (execution !== undefined || isOver) {
    err.write(`${name} is ${execution ? `under way: ${execution.executionArn}` : status.state}\n`);
    return wasPaused ? 0 : 1;
  }
  const arn = await start(system, { background: name });
  return wait ? waitFor(system, arn) : printStarted(system, arn, json);
}

// Enough to look past: whoever was refused that often has noticed.
const looked = 50;

/**
 * The latest execution that may be gone on with: not one that was refused before it did anything, and of those that were
 * asked to do one thing with one migration only one that was stopped; whoever still wants it asks again.
 */
async function lastRun(system: System): Promise<DescribeExecutionOutput | undefined> {
  for (const { executionArn } of await latest(system, looked)) {
    const execution = await describe(system, executionArn as string);
    if (execution === undefined) {
      continue;
    }
    const { status = '' } = execution;
    const request = requestOf(execution);
    if (request === undefined || request.background !== undefined) {
      continue; // a part ends with its run, and what is in the background the next run starts again
    }
    const { action = 'only' } = actionOf(request) ?? {};
    const aside = action !== 'only' && /SUCCEEDED|FAILED/.test(status);
    if (!wasRefused(execution) && !aside) {
      return execution;
    }
  }
  return undefined;
}

async function goOn(system: System, last: DescribeExecutionOutput): Promise<string> {
  const { sfn, io } = system;
  const arn = last.executionArn as string;
  // A redrive of what failed would only enter the state Failed again.
  const stopped = last.status === 'ABORTED' || last.status === 'TIMED_OUT';
  if (stopped && last.redriveStatus === 'REDRIVABLE') {
    await sfn.send(new RedriveExecutionCommand({ executionArn: arn }));
    await redriven(system, arn, last.redriveCount ?? 0);
    io.err.write(`${arn} was ${last.status}: redriven, it goes on where it was\n`);
    return arn;
  }
  const input = requestOf(last) ?? {};
  const again = await start(system, input);
  const why = stopped ? ` and cannot be redriven (${last.redriveStatusReason})` : '';
  io.err.write(`${arn} was ${last.status}${why}: started again as ${again}, from the checkpoints\n`);
  return again;
}

/** DescribeExecution is eventually consistent: right after the redrive it may still call the run stopped. */
async function redriven(system: System, arn: string, redrives: number): Promise<void> {
  for (let asks = 1; asks < 10; asks += 1) {
    if (((await describeSoon(system, arn)).redriveCount ?? 0) > redrives) {
      return;
    }
    await sleep(asks * 100);
  }
}
