import * as v from 'valibot';
import type { Assembly } from '../assembly/assembly.ts';

type FunctionInStack = Assembly['functions'][number];

/**
 * The stack's function that migrates.
 *
 * @throws when the stack does not have exactly one.
 */
export function migrateFunctionOf({ functions }: Assembly): FunctionInStack {
  // The logical id is the path of constructs, `Migrations/Migrate/Function`, and a hash.
  const [found, ...others] = functions.filter(({ logicalId }) => /MigrateFunction[0-9A-F]*$/.test(logicalId));
  if (found === undefined || others.length > 0) {
    const count = found === undefined ? 0 : 1 + others.length;
    const names = functions.map(({ logicalId }) => logicalId).join(', ');
    throw new Error(`the stack has ${count} functions called Migrate: ${names}`);
  }
  return found;
}

const followUps = v.record(v.string(), v.string());

/** The follow-up jobs that the function can start, each with the ARN of its machine: its variable FOLLOW_UPS. */
export function followUpsOf({ environment }: FunctionInStack): Readonly<Record<string, string>> {
  return v.parse(followUps, JSON.parse(environment.FOLLOW_UPS ?? '{}'));
}
