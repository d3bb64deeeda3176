import {
  boolean,
  check,
  integer,
  maxValue,
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
import { actions, type Caller, mostLanes, type Opened, type RunInput } from '../contract.ts';
import type { Database } from '../engine/database/data-api.ts';
import { isSuperuser } from '../engine/database/superuser.ts';
import { InvalidInput, NoLongerRegistered } from '../engine/errors.ts';
import { settleFollowUps } from '../engine/ledger/follow-ups.ts';
import { hold, lockOf, renewBackground } from '../engine/ledger/run-lock.ts';
import { actionOf, runState } from '../engine/ledger/run-record.ts';
import { upgradeUnlessRefused } from '../engine/ledger/upgrade.ts';
import { progressIn } from '../engine/lifecycle/how-far.ts';
import type { Engine } from './engine.ts';
import { checkJobs, known } from './registry.ts';

/**
 * Begins a run, or its next part: checks its input and the registry, brings the ledger up to date, and enters the run. A run that is
 * refused changes nothing, not even the ledger's version.
 */
export async function open(engine: Engine, run: Caller, input: unknown): Promise<Opened> {
  const { database, statusOf, migrations, jobs, code } = engine;
  const names = migrations.map(({ name }) => name);
  const isPart = run.part > 1;
  const { request, comment } = isPart ? { request: {}, comment: null } : checkInput(input, names);
  checkJobs(migrations, jobs);
  await upgradeUnlessRefused(database, statusOf, run, lockOf(request));
  const entered = await hold(database, statusOf, run, { code, ...(!isPart && { request, comment }) });
  if (entered === 'begun') {
    engine.metrics.ofStack({ RunsStarted: 1 });
  }
  const asked = isPart ? (await runState(database, run)).request : request;
  const action = actionOf(asked);
  if (action !== undefined && !names.includes(action.migration)) {
    throw await noLongerRegistered(database, action.migration);
  }
  if (action === undefined) {
    await renewBackground(database, code);
  }
  await settleFollowUps(database, statusOf, jobs);
  if (await isSuperuser(database)) {
    engine.logger.warn(
      'the database user is a superuser: docs/database-role.md has the SQL for a role that may do less',
    );
  }
  return { migrations: action === undefined ? names : [action.migration] };
}

async function noLongerRegistered(database: Database, migration: string): Promise<NoLongerRegistered> {
  const { total_processed, percent } = await progressIn(database, migration);
  return new NoLongerRegistered(
    `migration "${migration}" is not registered any more in what was deployed since. It was left unfinished at ${percent} % ` +
      `(${total_processed} rows). Register it again, and the next run goes on from there`,
  );
}

const name = optional(string());

const keys = {
  mode: optional(picklist(['background', 'foreground'])),
  force: optional(boolean()),
  thorough: optional(boolean()),
  batch_size: optional(pipe(number(), integer(), minValue(1))),
  lanes: optional(pipe(number(), integer(), minValue(1), maxValue(mostLanes))),
  only: name,
  background: name,
  retry: name,
  validate: name,
  restore: name,
  cleanup: name,
  // Who starts it, or why, for the history. What the console offers, {"Comment": "Insert your JSON here"}, means the same as {}.
  Comment: optional(unknown()),
  // Step Functions' own link to the execution that started this one, if one did.
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: optional(string()),
};

const accepted = pipe(
  unknown(),
  check((input) => !Array.isArray(input)), // which would pass for an object with the keys 0, 1, …
  strictObject(keys),
);

/** The keys that the input of a run may have. */
export const inputKeys: readonly string[] = Object.keys(keys);

const allowed =
  '{} runs all that is pending; "mode": "foreground" skips rests and windows, "force": true ignores pressure, "batch_size" ' +
  `is the most rows in a batch, "lanes" how many statements are at work at once, from 1 to ${mostLanes}, and one of ${actions.map((action) => `"${action}"`).join(', ')} names one migration; ` +
  'beside "only", "thorough": true looks at every row of a finished one again';

/** What an input asks for, and what it says of itself. */
interface Checked {
  readonly request: RunInput;
  /** Who starts it, or why; null if nobody says. */
  readonly comment: string | null;
}

function checkInput(input: unknown, names: readonly string[]): Checked {
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
  const { Comment: comment, AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: _, ...request } = checked.output;
  const asked = actions.filter((action) => request[action] !== undefined);
  if (asked.length > 1) {
    throw new InvalidInput(`the input has ${asked.map((action) => `"${action}"`).join(' and ')}. ${allowed}`);
  }
  if (request.thorough && request.only === undefined) {
    throw new InvalidInput(`the input has "thorough" without "only". ${allowed}`);
  }
  const action = actionOf(request as RunInput);
  if (action !== undefined && !names.includes(action.migration)) {
    throw new InvalidInput(`the input key "${action.action}": ${known(names, action.migration)}. ${allowed}`);
  }
  return { request: request as RunInput, comment: commentOf(comment) };
}

const longestComment = 200;

/** What somebody has written, and not what the console offers. */
function commentOf(comment: unknown): string | null {
  const isWritten = typeof comment === 'string' && comment !== '' && comment !== 'Insert your JSON here';
  return isWritten ? comment.slice(0, longestComment) : null;
}
