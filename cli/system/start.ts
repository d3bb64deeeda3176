import { setTimeout as sleep } from 'node:timers/promises';
import { type DescribeExecutionOutput, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { RunInput } from '../../functions/contract.ts';
import { nameOf } from '../../functions/engine/errors.ts';
import { lockOf } from '../../functions/engine/ledger/run-lock.ts';
import { Misuse } from '../command/misuse.ts';
import { allUnderWay, describe, runArn } from './executions.ts';
import { sameInput } from './input.ts';
import type { System } from './system.ts';
import { who } from './who.ts';

/** What came of asking for a run: one that was started, one that runs under this name, or one that has succeeded. */
export type Asked =
  | { readonly did: 'started' | 'joined'; readonly arn: string }
  | { readonly did: 'found'; readonly arn: string; readonly execution: DescribeExecutionOutput };

/** Starts a run. Refuses while another of its kind is under way: the machine would, and a name would be used up. */
export async function start(system: System, input: RunInput, name?: string): Promise<string> {
  const lock = lockOf(input);
  const other = (await allUnderWay(system)).find(({ request }) => lockOf(request) === lock);
  if (other !== undefined && other.name !== name) {
    throw new Error(
      `a run is under way: ${other.executionArn}. ${system.command('watch')} shows it, ${system.command('stop')} stops it`,
    );
  }
  const { sfn, machineArn: stateMachineArn } = system;
  const command = new StartExecutionCommand({
    stateMachineArn,
    name,
    input: JSON.stringify({ ...input, Comment: who() }),
  });
  return (await sfn.send(command)).executionArn as string;
}

/**
 * Starts a run under a name, once: while it runs, it is joined; once it has succeeded, it is found. After one that ended
 * otherwise the name with -2, -3 … is asked for in the same way, since a name is never free again.
 */
export async function startNamed(system: System, input: RunInput, name: string): Promise<Asked> {
  for (let tries = 1, races = 0; ; ) {
    const candidate = tries === 1 ? name : `${name}-${tries}`;
    const before = await describe(system, runArn(system, candidate));
    if (before === undefined) {
      try {
        return { did: 'started', arn: await start(system, input, candidate) };
      } catch (error) {
        // Somebody else was faster, and Step Functions takes a moment to know that everywhere.
        if (nameOf(error) !== 'ExecutionAlreadyExists' || races > 5) {
          throw error;
        }
        races += 1;
        await sleep(races * 200);
        continue;
      }
    }
    if (!sameInput(before.input, JSON.stringify(input))) {
      throw new Misuse(
        `the name ${candidate} was used with another input: ${before.input}. Take another name for ${JSON.stringify(input)}`,
      );
    }
    const arn = before.executionArn as string;
    if (before.status === 'RUNNING' || before.status === 'PENDING_REDRIVE') {
      return { did: 'joined', arn };
    }
    if (before.status === 'SUCCEEDED') {
      return { did: 'found', arn, execution: before };
    }
    system.io.err.write(`${candidate} ended ${before.status}\n`);
    tries += 1;
  }
}
