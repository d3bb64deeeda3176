import { check, optional, pipe, safeParse, strictObject, string, unknown } from 'valibot';
import type { Caller, Opened } from '../contract.ts';
import { InvalidInput } from '../engine/errors.ts';
import { upgradeLedger } from '../engine/ledger.ts';
import { hold, settleFollowUps } from '../engine/runs.ts';
import type { Engine } from './migrate.ts';
import { checkJobs } from './registry.ts';

/** Begins a run: checks its input and the registry, brings the ledger up to date, and holds it. */
export async function open(engine: Engine, run: Caller, input: unknown): Promise<Opened> {
  const { database, statusOf, migrations, jobs } = engine;
  checkInput(input);
  checkJobs(migrations, jobs);
  await upgradeLedger(database);
  await hold(database, statusOf, run);
  await settleFollowUps(database, statusOf, jobs);
  return { migrations: migrations.map(({ name }) => name) };
}

const known = pipe(
  unknown(),
  check((input) => !Array.isArray(input)), // which would pass for an object with the keys 0, 1, …
  strictObject({
    // The console offers {"Comment": "Insert your JSON here"}; whoever leaves it means nothing by it.
    Comment: optional(unknown()),
    // Step Functions' own link to the execution that started this one, if one did.
    AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: optional(string()),
    // The execution that this one goes on for.
    continues: optional(string()),
  }),
);

function checkInput(input: unknown): void {
  const checked = safeParse(known, input);
  if (checked.success) return;
  const [{ path, expected, received }] = checked.issues;
  const key = path?.map((item) => item.key).join('.');
  const problem =
    key === undefined
      ? `as a whole is wrong: expected an object, got ${received}`
      : expected === 'never'
        ? `has a key that is not known: ${received}`
        : `key "${key}" is wrong: expected ${expected}, got ${received}`;
  throw new InvalidInput(`the input ${problem}. A run takes no parameters: start it with {}`);
}
