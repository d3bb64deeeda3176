import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { ResultMap } from '../../functions/contract.ts';
import { pauseText } from '../output/format.ts';
import { backgroundOf, leftToBackground } from './executions.ts';
import { statusOfOne } from './status.ts';
import type { System } from './system.ts';
import { waitFor } from './wait.ts';
import { whatIsLeft } from './what-is-left.ts';

/** Waits until what a run that succeeded has left to be done is finished: one migration, or all. Answers with the exit code. */
export async function waitForBackground(
  system: System,
  run: DescribeExecutionOutput,
  which: string,
): Promise<number> {
  const result = JSON.parse(run.output ?? '{}') as ResultMap;
  const left = new Map(leftToBackground(run));
  const names = Object.keys(result).filter((name) => isLeft(result[name]));
  // A migration that the run was not asked for is not in its result map.
  const one = stateOf(result[which]) !== undefined || result[which] === undefined ? [which] : [];
  for (const name of which === 'all' ? names : one) {
    const code = await waitForOne(system, name, left.get(name));
    if (code !== 0) {
      return code;
    }
  }
  return 0;
}

/** Only what is not done has a state. */
const stateOf = (result: ResultMap[string] | undefined): string | undefined =>
  typeof result === 'object' && 'state' in result ? result.state : undefined;

/** Whether a run that is through leaves a migration to be done. One that is not registered any more, nobody goes on with. */
const isLeft = (result: ResultMap[string] | undefined): boolean =>
  ['background', 'paused'].includes(stateOf(result) ?? '');

/** Waits for one migration, which a run has left to this execution, or to none. */
async function waitForOne(system: System, name: string, left: string | undefined): Promise<number> {
  const { err } = system.io;
  // Where that execution was stopped since, or the pause has ended, it may go on in another one.
  const execution = (await backgroundOf(system, name))?.executionArn ?? left;
  if (execution !== undefined) {
    err.write(`waiting for ${name}: ${execution}\n`);
    const code = await waitFor(system, execution);
    if (code !== 1) {
      return code;
    }
  }
  const keeps = await whatKeeps(system, name);
  err.write(`${name} is ${keeps ?? 'finished'}\n`);
  return keeps === undefined ? 0 : 1;
}

/** What keeps a migration from being finished, and what to do; undefined if it is finished. */
async function whatKeeps(system: System, name: string): Promise<string | undefined> {
  const { ledger, status } = await statusOfOne(system, name);
  const left = await whatIsLeft(system, ledger, status);
  if (left === undefined) {
    return undefined;
  }
  if (!status.registered) {
    return `not finished: ${left}. It is not registered any more: registered again, it goes on from there`;
  }
  const paused = status.controls?.paused;
  return `${paused ? pauseText(paused) : `not finished: ${left}`}. ${system.command(`resume ${name}`)} goes on with it`;
}
