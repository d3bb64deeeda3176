import {
  boolean,
  check,
  integer,
  minValue,
  number,
  optional,
  picklist,
  pipe,
  safeParse,
  strictObject,
  string,
  unknown,
} from 'valibot';
import { actions, type Caller, type Opened, type RunInput } from '../contract.ts';
import { isSuperuser } from '../engine/database/superuser.ts';
import { InvalidInput } from '../engine/errors.ts';
import { settleFollowUps } from '../engine/ledger/follow-ups.ts';
import { hold } from '../engine/ledger/run-lock.ts';
import { actionOf } from '../engine/ledger/run-record.ts';
import { upgradeLedger } from '../engine/ledger/schema.ts';
import type { Engine } from './engine.ts';
import { checkJobs, known } from './registry.ts';

/** Begins a run: checks its input and the registry, brings the ledger up to date, and holds it. */
export async function open(engine: Engine, run: Caller, input: unknown): Promise<Opened> {
  const { database, statusOf, migrations, jobs } = engine;
  const names = migrations.map(({ name }) => name);
  const request = checkInput(input, names);
  checkJobs(migrations, jobs);
  await upgradeLedger(database);
  await hold(database, statusOf, run, request);
  await settleFollowUps(database, statusOf, jobs);
  if (await isSuperuser(database)) {
    engine.logger.warn(
      'the database user is a superuser: docs/database-role.md has the SQL for a role that may do less',
    );
  }
  const action = actionOf(request);
  return { migrations: action === undefined ? names : [action.migration] };
}

const name = optional(string());

const accepted = pipe(
  unknown(),
  check((input) => !Array.isArray(input)), // which would pass for an object with the keys 0, 1, …
  strictObject({
    mode: optional(picklist(['background', 'foreground'])),
    force: optional(boolean()),
    batch_size: optional(pipe(number(), integer(), minValue(1))),
    only: name,
    retry: name,
    validate: name,
    restore: name,
    cleanup: name,
    // What the console offers as input, {"Comment": "Insert your JSON here"}, means the same as {}.
    Comment: optional(unknown()),
    // Step Functions' own link to the execution that started this one, if one did.
    AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: optional(string()),
    // The execution that this one goes on for.
    continues: optional(string()),
  }),
);

const allowed =
  '{} runs all that is pending; "mode": "foreground" skips rests and windows, "force": true ignores pressure, "batch_size" ' +
  `is the most rows in a batch, and one of ${actions.map((action) => `"${action}"`).join(', ')} names one migration`;

function checkInput(input: unknown, names: readonly string[]): RunInput {
  const checked = safeParse(accepted, input);
  if (!checked.success) {
    const [{ path, expected, received }] = checked.issues;
    const key = path?.map((item) => item.key).join('.');
    const problem =
      key === undefined
        ? `as a whole is wrong: expected an object, got ${received}`
        : expected === 'never'
          ? `has a key that is not known: ${received}`
          : `key "${key}" is wrong: expected ${expected ?? 'a whole number'}, got ${received}`;
    throw new InvalidInput(`the input ${problem}. ${allowed}`);
  }
  const {
    Comment: _,
    AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: __,
    continues: ___,
    ...request
  } = checked.output;
  const asked = actions.filter((action) => request[action] !== undefined);
  if (asked.length > 1) {
    throw new InvalidInput(`the input has ${asked.map((action) => `"${action}"`).join(' and ')}. ${allowed}`);
  }
  const action = actionOf(request as RunInput);
  if (action !== undefined && !names.includes(action.migration)) {
    throw new InvalidInput(`the input key "${action.action}": ${known(names, action.migration)}. ${allowed}`);
  }
  return request as RunInput;
}
