import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DemoOperator, demoOperator } from './demo-operator.ts';

let at: DemoOperator;
beforeAll(async () => {
  at = await demoOperator();
  await at.begin();
});
afterAll(() => at.close());
afterEach(() => {
  at.runtime.between.invocation = undefined;
});

type Reply = Readonly<Record<string, unknown>>;

/** What the node answers to these lines, the last of which ends its input. */
async function answers(...lines: readonly unknown[]): Promise<Reply[]> {
  const input = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const { code, stdout, stderr } = await at.does(['node'], { input });
  expect(code, stderr).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const query: DemoOperator['runtime']['database']['query'] = (...args) => at.runtime.database.query(...args);

const ofUsers = {
  type: 'backfill',
  msg_id: 1,
  table: 'users',
  column: 'full_name',
  batch_size: 1000,
  total_rows: 10000,
};
const checks = { type: 'validate', msg_id: 2, table: 'users', validations: ['no_nulls', 'email_format'] };
const runs = { type: 'migrate', msg_id: 3, idempotent: true, table: 'engine_configs', runs: 3 };
const done = (processed: number, updated: number) => ({
  type: 'backfill_complete',
  in_reply_to: 1,
  total_processed: processed,
  total_updated: updated,
  duration_seconds: expect.any(Number),
});
const valid = (in_reply_to: number) => ({
  type: 'validation_results',
  in_reply_to,
  results: [
    { name: 'no_nulls', passed: true, failed_rows: 0 },
    { name: 'email_format', passed: true, failed_rows: 0 },
  ],
});

test('The document’s messages are answered as in the document, from the demo’s tables, with or without an envelope', async () => {
  await at.begin();
  const begun = performance.now();
  const enveloped = (body: object) => ({ src: 'admin', dest: 'migrations', body });
  const replies = await answers(enveloped(ofUsers), enveloped({ ...checks, msg_id: 1 }), runs);
  const seconds = (performance.now() - begun) / 1_000;

  expect(replies).toEqual([
    done(10_000, 9_500),
    valid(1),
    { type: 'migration_complete', in_reply_to: 3, rows_updated: 2_250, final_state: 'unchanged' },
  ]);
  const { duration_seconds } = Object(replies[0]);
  expect(duration_seconds).toBeGreaterThan(0.01);
  expect(duration_seconds, 'the true one').toBeLessThan(seconds);
  expect(
    await query(
      `SELECT count(*)::int AS rows FROM demo.users WHERE full_name = first_name || ' ' || last_name`,
    ),
  ).toEqual([{ rows: 10_000 }]);
  expect(
    await query(
      `SELECT batches >= 10 AS small FROM data_migrations.migrations WHERE name = 'users-full-name'`,
    ),
    'at most 1,000 rows in a batch',
  ).toEqual([{ small: true }]);
});

test('What is done already processes nothing, and invalid rows are counted', async () => {
  await answers(ofUsers);
  await query(`UPDATE demo.users SET email = 'nobody ' || id WHERE id IN (7, 8)`);
  const validations = ['email_format'];
  expect(await answers(ofUsers, { ...checks, validations }, { ...checks, msg_id: 4 })).toEqual([
    done(0, 0),
    {
      type: 'validation_results',
      in_reply_to: 2,
      results: [{ name: 'email_format', passed: false, failed_rows: 2 }],
    },
    {
      ...valid(4),
      results: [valid(4).results[0], { name: 'email_format', passed: false, failed_rows: 2 }],
    },
  ]);
  await query(`UPDATE demo.users SET email = id || '@example.com' WHERE id IN (7, 8)`);
});

test('A run that leaves other contents than the first one is told from one that does not', async () => {
  await answers(runs);
  let opened = 0;
  at.runtime.between.invocation = async (request, invoke) => {
    if (request.operation === 'open' && ++opened === 2) {
      await query(`UPDATE demo.engine_configs SET name = 'another' WHERE id = 'cfg_000300'`);
    }
    return invoke();
  };
  expect(await answers({ ...runs, runs: 2 }, { ...runs, runs: 1 })).toEqual([
    { type: 'migration_complete', in_reply_to: 3, rows_updated: 0, final_state: 'changed' },
    { type: 'migration_complete', in_reply_to: 3, rows_updated: 0, final_state: 'unchanged' },
  ]);
});

describe('A message that cannot be answered gets an error that says what was wrong, and the node lives on', () => {
  test.each<readonly [string, unknown, number, RegExp]>([
    ['no JSON', '{"type": "backfill",', 12, /one JSON object in one line, got \{"type": "backfill",: /],
    ['no object', '[1]', 12, /a message is a JSON object, got \[1\]/],
    ['no type', { msg_id: 1 }, 12, /"type" is missing; known are backfill, validate, migrate/],
    ['a type that is not known', { type: 'echo', msg_id: 1 }, 10, /"echo" is not known; known are backfill/],
    ['a missing field', { ...ofUsers, column: undefined }, 12, /"column" is missing/],
    ['no msg_id', { ...ofUsers, msg_id: undefined }, 12, /"msg_id" is missing/],
    [
      'a wrong type',
      { ...ofUsers, batch_size: '1000' },
      12,
      /"batch_size" is wrong: expected number, got "1000"/,
    ],
    ['a wrong number', { ...ofUsers, batch_size: 0 }, 12, /"batch_size" is wrong: expected >=1, got 0/],
    ['no whole number', { ...runs, runs: 1.5 }, 12, /"runs" is wrong: expected a whole number, got 1.5/],
    [
      'a wrong element',
      { ...checks, validations: [1] },
      12,
      /"validations.0" is wrong: expected string, got 1/,
    ],
    ['nothing to validate', { ...checks, validations: [] }, 12, /"validations" is wrong/],
    [
      'an envelope without a sender',
      { dest: 'x', body: ofUsers },
      12,
      /src and dest are texts, got \{"dest":"x"\}/,
    ],
    ['an empty envelope', { src: 'x', dest: 'y', body: null }, 12, /the body is an object, got null/],
    [
      'a table that nobody migrates',
      { ...checks, table: 'nobody' },
      20,
      /rows of nobody; there are some of ci_builds, /,
    ],
    [
      'a column that nobody changes',
      { ...ofUsers, column: 'email' },
      20,
      /users\.email; of users they change full_name/,
    ],
    [
      'a validation that is not known',
      { ...checks, validations: ['no_nulls', 'odd'] },
      20,
      /declares odd; declared are email_format, no_nulls/,
    ],
    [
      'another migration',
      { ...ofUsers, migration: 'other' },
      20,
      /no migration other changes users\.full_name/,
    ],
  ])('%s', async (_, line, code, text) => {
    const [error, after] = await answers(line, { ...checks, type: 'unheard-of', msg_id: 9 });
    expect(after, 'the next one').toMatchObject({ type: 'error', in_reply_to: 9 });
    const body = (error?.body ?? error) as Reply;
    expect(body).toEqual({
      type: 'error',
      ...(/"msg_id":(\d)/.test(JSON.stringify(line)) && { in_reply_to: (line as Reply).msg_id ?? 1 }),
      code,
      text: expect.stringMatching(text),
    });
  });

  test('a run that fails, and one that cannot begin while another is under way', async () => {
    await query('ALTER TABLE demo.users RENAME full_name TO whole_name');
    const [failed] = await answers(ofUsers);
    await query('ALTER TABLE demo.users RENAME whole_name TO full_name');
    expect(failed).toEqual({
      type: 'error',
      in_reply_to: 1,
      code: 13,
      text: expect.stringMatching(/ended FAILED: MigrationFailed: .*has no column full_name/),
    });

    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    at.runtime.between.invocation = async (_, invoke) => {
      await held;
      return invoke();
    };
    const other = await at.runtime.start({ only: 'users-full-name' });
    const [busy, malformed] = await answers(ofUsers, 'x');
    expect(busy).toMatchObject({
      type: 'error',
      code: 11,
      text: expect.stringContaining(`is under way: ${other}`),
    });
    expect(malformed).toMatchObject({ code: 12 });
    await at.runtime.stop(other);
    release();
  });
});
