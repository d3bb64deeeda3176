import type { Answer, Counters, ResultMap, RunInput } from '../../functions/contract.ts';
import { messageOf } from '../../functions/engine/errors.ts';
import { start } from '../system/start.ts';
import type { System } from '../system/system.ts';
import { follow } from '../system/wait.ts';
import { Refusal } from './message.ts';

/** Ctrl-C came while a run was under way, which goes on. */
export class Interrupted extends Error {}

/** Has the machine do something with one migration, and waits; what the result map says of it. */
export async function run(
  system: System,
  input: RunInput,
  migration: string,
): Promise<'skipped' | Counters | Answer> {
  const arn = await start(system, input).catch((error: unknown) => {
    throw new Refusal('unavailable', messageOf(error), error);
  });
  const ended = await follow(system, arn);
  if (ended === undefined) throw new Interrupted();
  if (ended.status !== 'SUCCEEDED') {
    const { status, error, cause } = ended;
    throw new Refusal('crash', [`the run ${arn} ended ${status}`, error, cause].filter(Boolean).join(': '));
  }
  const result = JSON.parse(ended.output ?? '{}') as ResultMap;
  return result[migration] as 'skipped' | Counters | Answer;
}
