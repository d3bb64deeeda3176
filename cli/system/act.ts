import type { Action, RunInput } from '../../functions/contract.ts';
import { inputOf, type RunOptions } from './input.ts';
import { start } from './start.ts';
import { statusOfOne } from './status.ts';
import type { System } from './system.ts';
import { type Answer, waitFor } from './wait.ts';

/** Has the machine do one thing with one migration, waits for it, and prints what it says of that migration. */
export async function act(
  system: System,
  action: Action,
  name: string,
  options: RunOptions = {},
  code?: Answer['code'],
): Promise<number> {
  await statusOfOne(system, name); // throws for a name that nobody knows
  const input: RunInput = inputOf(options, { [action]: name });
  const arn = await start(system, input);
  system.io.err.write(`started ${arn} with ${JSON.stringify(input)}\n`);
  return waitFor(system, arn, { part: (result) => result[name], ...(code && { code }) });
}
