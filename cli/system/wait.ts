import { setTimeout as sleep } from 'node:timers/promises';
import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap } from '../../functions/contract.ts';
import { requestOf } from '../../functions/engine/ledger/execution-purpose.ts';
import { interruptedByUser } from '../command/command.ts';
import { readSteps, type Step, type Steps, stepsOn } from '../output/steps.ts';
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
  return showUntil(system, async (steps) => {
    const execution = await describeSoon(system, run);
    await showIfKnown(steps, async () => [...(await readSteps(database, run)), ...(await more())]);
    return execution.status === 'RUNNING' ? undefined : execution;
  });
}

/**
 * Shows how far it is, if that can be read at the moment: there is no ledger before the first run has made it, and a look at the progress
 * must never disturb what it looks at.
 */
export async function showIfKnown(steps: Steps, read: () => Promise<readonly Step[]>): Promise<void> {
  const found = await read().catch(() => undefined);
  if (found !== undefined) {
    steps.show(found);
  }
}

/** Looks again and again until there is an answer. Undefined if Ctrl-C came first: what was looked at goes on. */
export async function showUntil<T>(
  { io }: System,
  look: (steps: Steps) => Promise<T | undefined>,
): Promise<T | undefined> {
  const steps = stepsOn(io.err);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt);
  try {
    // Quick at first, for what is done in a moment; at last slow enough for the API's limit, whoever else asks it.
    for (let pause = 100; !interrupted.signal.aborted; pause = Math.min(pause * 1.2, 2_000)) {
      const answer = await look(steps);
      if (answer !== undefined) {
        return answer;
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
  system: System,
  ended: DescribeExecutionOutput,
  { part = (result) => result, code = () => 0 }: Answer = {},
): number {
  const { io } = system;
  if (ended.status === 'SUCCEEDED') {
    const result = JSON.parse(ended.output ?? '{}') as ResultMap;
    io.out.write(`${JSON.stringify(part(result) ?? result, null, 2)}\n`);
    const jobs = result.next_jobs;
    if (Array.isArray(jobs)) {
      io.err.write(`follow-up jobs that it started: ${jobs.join(', ')}\n`);
    }
    return code(result);
  }
  io.err.write(endedText(ended));
  io.err.write(howToGoOn(system, ended));
  return 1;
}

/** What Step Functions says of an execution that has ended. */
export function endedText({ executionArn, status, error, cause }: DescribeExecutionOutput): string {
  return `${[`${executionArn} ended ${status}`, error, cause].filter(Boolean).join('\n')}\n`;
}

/** How one goes on that was stopped; nothing for another. */
export function howToGoOn({ command }: System, ended: DescribeExecutionOutput): string {
  if (ended.status !== 'ABORTED') {
    return '';
  }
  const name = requestOf(ended)?.background;
  return `${command(name === undefined ? 'resume' : `resume ${name}`)} goes on\n`;
}
