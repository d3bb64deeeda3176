import type { Answer, Counters, ResultMap, RunInput } from '../../functions/contract.ts';
import { messageOf } from '../../functions/engine/errors.ts';
import { describeSoon } from '../system/executions.ts';
import { start } from '../system/start.ts';
import type { System } from '../system/system.ts';
import { follow } from '../system/wait.ts';
import { Refusal } from './message.ts';

/** Ctrl-C came while a run was under way, which goes on. */
export class Interrupted extends Error {}

/** What the result map says of a migration, and how long the run took, from its start to the end of its last part. */
export interface Ran {
  readonly answer: 'skipped' | Counters | Answer;
  readonly seconds: number;
}

/** Has the machine do something with one migration, and waits. */
export async function run(system: System, input: RunInput, migration: string): Promise<Ran> {
  const arn = await start(system, input).catch((error: unknown) => {
    throw new Refusal('unavailable', messageOf(error), error);
  });
  const ended = await follow(system, arn);
  if (ended === undefined) {
    throw new Interrupted();
  }
  if (ended.status !== 'SUCCEEDED') {
    const { status, error, cause } = ended;
    throw new Refusal('crash', [`the run ${arn} ended ${status}`, error, cause].filter(Boolean).join(': '));
  }
  const result = JSON.parse(ended.output ?? '{}') as ResultMap;
  const { startDate } = await describeSoon(system, arn);
  return {
    answer: result[migration] as Ran['answer'],
    seconds: (Number(ended.stopDate) - Number(startDate)) / 1_000,
  };
}
