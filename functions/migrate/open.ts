import { optional, safeParse, strictObject, string, unknown } from 'valibot';
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

const known = strictObject({
  // The console offers {"Comment": "Insert your JSON here"}; whoever leaves it means nothing by it.
  Comment: optional(unknown()),
  // Step Functions' own link to the execution that started this one, if one did.
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: optional(string()),
  // The execution that this one goes on for.
  continues: optional(string()),
});

function checkInput(input: unknown): void {
  const checked = safeParse(known, input);
  if (checked.success) return;
  const [issue] = checked.issues;
  const where = issue.path?.map(({ key }) => key).join('.');
  throw new InvalidInput(
    `the input ${where === undefined ? 'as a whole' : `key "${where}"`} is wrong: expected ${issue.expected}, got ` +
      `${issue.received}. A run takes no parameters: start it with {}`,
  );
}
