import { setTimeout as sleep } from 'node:timers/promises';
import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap } from '../../functions/contract.ts';
import { interruptedByUser } from '../command/command.ts';
import { readSteps, type Step, stepsOn } from '../output/steps.ts';
import { describeSoon } from './executions.ts';
import type { System } from './system.ts';

/** More to look at than the steps of the run. */
export type More = () => Promise<readonly Step[]>;

/** Shows the progress of a run until it has ended. Undefined if Ctrl-C came first: the run goes on. */
export async function follow(
  system: System,
  run: string,
  more: More = async () => [],
): Promise<DescribeExecutionOutput | undefined> {
  const database = await system.database();
  const steps = stepsOn(system.io.err);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt);
  try {
    // Quick at first, for what is done in a moment; at last slow enough for the API's limit, whoever else asks it.
    for (let pause = 100; !interrupted.signal.aborted; pause = Math.min(pause * 1.2, 2_000)) {
      const execution = await describeSoon(system, run);
      steps.show([...(await readSteps(database, run)), ...(await more())]);
      if (execution.status !== 'RUNNING') {
        return execution;
      }
      await sleep(pause, undefined, { signal: interrupted.signal }).catch(() => undefined);
    }
    return undefined;
  } finally {
    process.removeListener('SIGINT', interrupt);
    steps.stop();
  }
}

/** What a run that succeeded has to say to whoever started it: how to read it, and the exit code. */
export interface Answer {
  /** The part of its result that is asked for; all of it by default. */
  readonly part?: (result: ResultMap) => unknown;
  /** By default that it succeeded is enough: 0. */
  readonly code?: (result: ResultMap) => number;
}

/** Waits for a run and prints how it ended: its result on stdout, or error and cause on stderr. */
export async function waitFor(system: System, run: string, answer: Answer = {}): Promise<number> {
  const ended = await follow(system, run);
  if (ended === undefined) {
    const { io, command } = system;
    io.err.write(`the run goes on. ${command('watch')} shows it again, ${command('stop')} stops it\n`);
    return interruptedByUser;
  }
  return printEnd(system, ended, answer);
}

/** Prints how a run ended, and answers with its exit code. */
export function printEnd(
  { io, command }: System,
  ended: DescribeExecutionOutput,
  { part = (result) => result, code = () => 0 }: Answer = {},
): number {
  if (ended.status === 'SUCCEEDED') {
    const result = JSON.parse(ended.output ?? '{}') as ResultMap;
    io.out.write(`${JSON.stringify(part(result) ?? result, null, 2)}\n`);
    const jobs = result.next_jobs;
    if (Array.isArray(jobs)) {
      io.err.write(`follow-up jobs that it started: ${jobs.join(', ')}\n`);
    }
    return code(result);
  }
  io.err.write(endedBadly(ended));
  if (ended.status === 'ABORTED') {
    io.err.write(`${command('resume')} goes on\n`);
  }
  return 1;
}

/** What Step Functions says of an execution that did not succeed. */
export function endedBadly({ executionArn, status, error, cause }: DescribeExecutionOutput): string {
  return `${[`${executionArn} ended ${status}`, error, cause].filter(Boolean).join('\n')}\n`;
}
