import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { who } from '../../cli/system/who.ts';
import { versions } from '../../functions/engine/ledger/versions.ts';
import { command } from './command.ts';
import { registered } from './fixtures/migrations.ts';
import { type Operator, operator } from './operator.ts';

let at: Operator;
/** The executions there were before the test. */
let earlier = 0;
beforeAll(async () => {
  at = await operator();
});
afterAll(() => at.close());
beforeEach(async () => {
  await at.begin();
  earlier = (await at.runtime.executions(at.runtime.migrationsMachineArn)).length;
});

const does: Operator['does'] = (...args) => at.does(...args);
const json = async (...args: string[]) => JSON.parse((await does(...args, '--json')).stdout);
const states = async () =>
  Object.fromEntries(
    ((await json('list')) as { name: string; state: string }[]).map(({ name, state }) => [name, state]),
  );
const executions = async () => (await at.runtime.executions(at.runtime.migrationsMachineArn)).slice(earlier);

/** Lets the labels get so many slices, and then waits for ever: until `at.begin()` or `goOn()`. */
function holdAfter(slices: number): { readonly held: Promise<void>; goOn(): void } {
  let done = 0;
  let hold: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  at.runtime.between.invocation = (request, invoke) => {
    if (!('migration' in request) || request.migration !== 'labels') {
      return invoke();
    }
    if (request.operation !== 'batches' || ++done <= slices) {
      return invoke();
    }
    hold();
    return new Promise(() => {});
  };
  return {
    held,
    goOn: () => {
      at.runtime.between.invocation = undefined;
    },
  };
}

describe('before anything has run', () => {
  test('everything is listed as never run, and that there is no ledger is no error', async () => {
    const { code, stdout, stderr } = await does('list');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'there is no ledger yet: nothing has ever run here\n',
    });
    expect(stdout).toMatch(/^migration +kind +state +rows +errors +when\nprices +backfill +never run\n/);
    expect(await json('progress', 'labels')).toMatchObject({ state: 'never run', percent: null });
    expect(await json('errors', 'labels')).toEqual([]);
  });

  test.each([
    [['watch'], 'no run is under way. npx migrations start starts one\n'],
    [['stop'], 'no run is under way: nothing to stop\n'],
    [['finished', 'labels'], 'labels is not finished: it has never run\n'],
  ])('%j exits with 1', async (args, said) => {
    const { code, stdout, stderr } = await does(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(said);
  });
});

describe('start --wait', () => {
  test('follows the run through its parts, and ends with its result map and 0', async () => {
    const { code, stdout, stderr } = await does('start', '--wait', '--name', 'v1.42.0');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      prices: { total_processed: 60, total_updated: 58, errors: 2 },
      labels: { total_processed: 60, total_updated: 60, errors: 0 },
      'nothing-to-do': 'skipped',
    });
    expect(await executions()).toEqual([
      expect.stringMatching(/:v1-42-0$/),
      expect.stringMatching(/:v1-42-0-part-2$/),
    ]);
    expect(stderr).toContain('labels: done, 60 rows\n');
    expect(stderr).not.toContain('100 %');

    expect(await states()).toEqual({ prices: 'finished', labels: 'finished', 'nothing-to-do': 'never run' });
    expect(await does('finished', 'labels')).toMatchObject({ code: 0, stdout: '' });
    expect(await does('finished', 'nothing-to-do')).toMatchObject({ code: 0 });
    expect(await json('finished', 'prices')).toEqual({
      name: 'prices',
      finished: true,
      state: 'finished',
      left: null,
      errors: 2,
    });

    // The pipeline runs again, and finds the release migrated: of the same name, the last link's output.
    const again = await does('start', '--wait', '--name', 'v1.42.0');
    expect(again).toMatchObject({ code: 0, stdout });
    expect(again.stderr).toContain('v1-42-0 has succeeded already; nothing was started\n');
    expect(await does('start', '--name', 'v1.42.0', '--foreground')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the name v1-42-0 was used with another input: {"Comment":'),
    });
    expect(await executions()).toHaveLength(2);
  });

  test('of a run that fails exits with 1, and says error and cause; the name goes on with -2', async () => {
    await at.runtime.database.query('ALTER TABLE products RENAME label TO title');
    const failed = await does('start', '--wait', '--name', 'r', '--only', 'labels');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(
      /:execution:run-migrations:r ended FAILED\nMigrationFailed\nmigration "labels"/,
    );
    await at.runtime.database.query('ALTER TABLE products RENAME title TO label');

    const { held, goOn } = holdAfter(1);
    const second = await does('start', '--name', 'r', '--only', 'labels');
    expect(second.stderr).toContain('r ended FAILED');
    expect(second).toMatchObject({ code: 0, stdout: expect.stringMatching(/:run-migrations:r-2\n$/) });
    await held;
    const joined = await does('start', '--name', 'r', '--only', 'labels');
    expect(joined).toMatchObject({ code: 0, stdout: second.stdout });
    expect(joined.stderr).toContain('is under way already: joined\n');
    const other = await does('start', '--wait', '--only', 'labels');
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('a run is under way: arn:aws:states:');
    goOn();
  });
});

describe('a run that is under way', () => {
  test('is watched, stopped and resumed without losing anything (promise 5)', async () => {
    const { held, goOn } = holdAfter(3);
    const started = await json('start', '--batch-size', '10');
    await held;
    expect(await json('progress', 'labels')).toMatchObject({
      state: 'resting',
      rows_done: 30,
      rows_known: 60,
      percent: 50,
      rows_per_second: expect.any(Number),
      ends_at: expect.stringMatching(/Z$/),
      resting: { until: expect.any(String), reason: expect.any(String) },
      late: false,
    });
    expect(await does('finished', 'labels')).toMatchObject({
      code: 1,
      stderr: 'labels is not finished: resting, 30 of 60 rows done\n',
    });
    expect(await does('resume')).toMatchObject({ code: 1, stdout: '' });

    const watched = does('watch');
    const stopped = await does('stop');
    expect(stopped).toMatchObject({ code: 0, stdout: `${started.execution_arn}\n` });
    expect(stopped.stderr).toContain('npx migrations resume goes on from there');
    expect(await watched).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('ended ABORTED\nStopped\n'),
    });
    expect(await states()).toMatchObject({ prices: 'finished', labels: 'stopped' });

    goOn();
    // What was done meanwhile with one migration is not what is gone on with, whatever became of it.
    expect(await does('cleanup', 'labels')).toMatchObject({ code: 1 });
    expect(await does('validate', 'labels')).toMatchObject({ code: 0 });
    const resumed = await does('resume', '--wait');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toContain(`${started.execution_arn} was ABORTED: redriven`);
    expect(JSON.parse(resumed.stdout)).toMatchObject({
      labels: { total_processed: 60, total_updated: 60 },
    });
    expect(await does('resume')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing to resume: the last run'),
    });
  });

  test('goes on without whoever watched it: Ctrl-C exits with 130', async () => {
    const { held } = holdAfter(2);
    const { execution_arn } = await json('start', '--only', 'labels');
    await held;
    // As npx starts it, and from a folder below.
    const child = command(['watch'], {
      script: '../cli/bin.js',
      cwd: 'test',
      env: at.runtime.clientEnvironment,
    });
    await child.said(/labels: 30 %, resting: \S/);
    child.process.kill('SIGINT');
    expect(await child.exited).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringContaining('all of it goes on. npx migrations watch shows it again'),
    });
    expect((await at.runtime.describe(execution_arn)).status).toBe('RUNNING');
  });

  test('and failed is started again by resume, with its input; one that was refused since does not count', async () => {
    await at.runtime.database.query('ALTER TABLE products RENAME label TO title');
    expect(await does('start', '--wait', '--only', 'labels', '--foreground')).toMatchObject({ code: 1 });
    await at.runtime.database.query('ALTER TABLE products RENAME title TO label');
    expect((await at.runtime.run({ only: 'lables' })).error).toBe('InvalidInput');

    const resumed = await does('resume', '--wait');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(/was FAILED: started again as arn:/);
    expect(JSON.parse(resumed.stdout)).toEqual({ labels: expect.objectContaining({ total_updated: 60 }) });
    const last = (await executions()).at(-1) as string;
    expect(JSON.parse((await at.runtime.describe(last)).input ?? '')).toEqual({
      mode: 'foreground',
      only: 'labels',
      Comment: who(),
    });
  });
});

describe('row errors', () => {
  test('are listed for people, scripts and spreadsheets, and taken again by retry', async () => {
    await does('start', '--wait', '--only', 'prices');
    const reason = expect.stringContaining('invalid input syntax for type numeric');
    const listed = await json('errors', 'prices');
    expect(listed).toEqual([
      { key: ['7'], reason, sqlstate: '22P02', at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
      { key: ['50'], reason, sqlstate: '22P02', at: expect.any(String) },
    ]);
    const { stdout: csv } = await does('errors', 'prices', '--csv');
    expect(csv).toMatch(/^key,reason,sqlstate,at\n7,"?.*\tcheap.*,22P02,.*\n50,/);
    const { stdout, stderr } = await does('errors', 'prices');
    expect(stdout).toMatch(/^key +reason +SQLSTATE +when\n +7 +\S.*22P02 +\d{4}-\d\d-\d\d \d\d:\d\d\n +50 /);
    expect(stdout).not.toContain('\t');
    expect(stderr).toContain('npx migrations retry prices');

    await at.runtime.database.query(`UPDATE products SET price_text = '7' WHERE id = 7`);
    const retried = await does('retry', 'prices');
    expect(retried.code, retried.stderr).toBe(0);
    expect(JSON.parse(retried.stdout)).toMatchObject({ total_updated: 59, errors: 1 });
    expect(await json('errors', 'prices')).toHaveLength(1);
  });

  test('show what a row holds without doing what it says, to a terminal or to a spreadsheet', async () => {
    await at.runtime.database.query(`DELETE FROM products WHERE id > 7`);
    await at.runtime.database.query(
      `UPDATE products SET price_text = E'\\x1b[2J\\u009b31m\\u202e' WHERE id = 7`,
    );
    await at.runtime.database.query(`INSERT INTO products VALUES (-5, 'cheap', NULL, 'old')`);
    await does('start', '--wait', '--only', 'prices');
    const listed = await does('errors', 'prices');
    expect(listed.stdout).toContain('"\\u001b[2J\\u009b31m\\u202e"');
    const { stdout } = await does('errors', 'prices', '--json');
    expect(stdout).toContain('\\u001b[2J\\u009b31m\\u202e');
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ key: ['7'], reason: expect.stringContaining('\x1b[2J\x9b31m\u202e') }),
    );
    const { stdout: csv } = await does('errors', 'prices', '--csv');
    expect(csv).toContain('\x1b[2J\x9b31m\u202e');
    expect(csv).toMatch(/^-5,/m); // a number stays one
  });

  test('of many pages are all listed, the oldest first', async () => {
    await does('start', '--wait', '--only', 'prices');
    await at.runtime.database.query(`
      INSERT INTO data_migrations.row_errors (migration, key, run, reason, at)
      SELECT 'prices', jsonb_build_array(i::text), 'r', 'bad', now() - i * interval '1 s' FROM generate_series(1001, 2200) AS i`);
    const listed = (await json('errors', 'prices')) as { key: string[] }[];
    expect(listed).toHaveLength(1_202);
    expect(listed.slice(0, 2).map(({ key }) => key)).toEqual([['2200'], ['2199']]);
  });
});

describe('one migration', () => {
  const validation = (failed_rows: number) => ({
    name: 'short_enough',
    passed: failed_rows === 0,
    failed_rows,
  });
  const label = (id: number, text: string) =>
    at.runtime.database.query('UPDATE products SET label = $2 WHERE id = $1', [id, text]);

  test('is validated: 0 where all holds, 1 and what was found where it does not', async () => {
    await does('start', '--wait', '--only', 'labels', '--foreground');
    const holds = await does('validate', 'labels');
    expect(holds.code, holds.stderr).toBe(0);
    expect(JSON.parse(holds.stdout)).toEqual({ validations: [validation(0)] });

    await label(9, 'new:rather long');
    const broken = await does('validate', 'labels');
    expect(JSON.parse(broken.stdout)).toEqual({ validations: [{ ...validation(1), keys: ['9'] }] });
    expect(broken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not hold: short_enough\n'),
    });
    expect(await does('errors', 'labels')).toMatchObject({
      code: 0,
      stdout: '"short_enough" failed for 1 row: (9)\n',
      stderr: 'labels has no row errors\n',
    });
    await at.runtime.database.query('UPDATE data_migrations.migrations SET finished_at = now()');
    expect(await does('errors', 'labels'), 'finished since').toMatchObject({ code: 0, stdout: '' });
    expect(await states()).toMatchObject({ labels: 'finished' });
  });

  test('is finished, but not for whoever looks at every row, when somebody has set one back', async () => {
    await does('start', '--wait', '--only', 'labels', '--foreground');
    await label(9, 'old');
    expect(await does('finished', 'labels')).toMatchObject({ code: 0 });
    expect(await does('finished', 'labels', '--thorough')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^labels is not finished: 1 row is in the old form\. .*start --only labels --thorough looks at every row again\n$/,
      ),
    });
    const again = await does('start', '--wait', '--only', 'labels', '--foreground', '--thorough');
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ labels: { total_processed: 60, total_updated: 1 } });
    expect(await does('finished', 'labels', '--thorough')).toMatchObject({ code: 0 });
  });

  test('is restored once that is confirmed, but for the rows that were changed since (promise 8)', async () => {
    await does('start', '--wait', '--only', 'labels', '--foreground');
    await label(9, 'ours');
    const { code, stdout, stderr } = await does('restore', 'labels', '--yes');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ restored: 59, left: 1 });
    expect(stderr).toContain('labels, restoring: done, 60 rows\n');
    expect(await states()).toMatchObject({ labels: 'restored' });
    expect(await json('progress', 'labels')).toMatchObject({ restore: { restored: 59, left: 1 } });
    expect(await does('finished', 'labels')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('labels is not finished: its rows were put back: '),
    });
    expect(
      await at.runtime.database.query('SELECT label, count(*)::int FROM products GROUP BY 1 ORDER BY 1'),
    ).toEqual([
      { label: 'old', count: 59 },
      { label: 'ours', count: 1 },
    ]);
  });

  test('whose validation fails is restored by itself, and the run ends with 1 and says so', async () => {
    await label(9, 'far too long');
    const failed = await does('start', '--wait', '--only', 'labels', '--foreground');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(/ended FAILED\nValidationFailed\n.*short_enough/);
  });
});

describe('cleanup', () => {
  test('of a migration that is not finished exits with 1 and says what is left; --finish-first runs that', async () => {
    const early = await does('cleanup', 'labels');
    expect(early).toMatchObject({ code: 1, stdout: '' });
    expect(early.stderr).toContain('migration "labels" cannot be cleaned up: it has never run');

    const { code, stdout, stderr } = await does('cleanup', 'labels', '--finish-first', '--foreground');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ cleaned_up: ['the undo journal data_migrations."undo_labels"'] });
    expect(stderr).toContain('"total_updated": 60');
    expect(await states()).toMatchObject({ labels: 'cleaned up' });
    expect(await does('finished', 'labels')).toMatchObject({ code: 0 });
    expect(await json('cleanup', 'labels')).toEqual({ cleaned_up: [] }); // safe to repeat
  });
});

describe('what somebody got wrong exits with 2', () => {
  test.each(['finished', 'progress', 'errors', 'retry', 'validate', 'restore', 'cleanup'])(
    'a migration that %s does not know: the known ones are listed, the nearest first',
    async (command) => {
      expect(await does(command, 'lable')).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining(
          'no migration is called lable; did you mean labels?\nKnown: prices, labels, nothing-to-do\n',
        ),
      });
    },
  );

  test.each([
    [['strat'], "unknown command 'strat'\n(Did you mean start?)"],
    [['list', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
    [['finished'], "missing required argument 'migration'"],
    [['start', '--batch-size', 'many'], 'It must be a whole number from 1 on.'],
    [['start', '--lanes', '17'], 'It must be a whole number from 1 to 16.'],
    [
      ['start', '--name', '...'],
      '--name takes up to 77 characters, of which letters, digits, - and _ stay as they are, not "..."',
    ],
    [['errors', 'labels', '--json', '--csv'], '--json or --csv, not both'],
    [['restore', 'labels'], 'restoring labels has to be confirmed, and nobody can be asked: add --yes'],
    [['list', '--machine', 'run-migration'], 'did you mean --machine run-migrations?'],
    [['list', '--stage', 'production'], 'no state machine is called run-migrations-production'],
    [['start', '--only', 'prizes'], 'did you mean prices?'],
  ])('%j', async (args, said) => {
    const { code, stdout, stderr } = await does(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });
});

test('every command says in its help what its exit codes mean', async () => {
  const { stdout } = await does('--help');
  const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name as string);
  expect(names).toEqual(expect.arrayContaining(['list', 'start', 'finished', 'resume']));
  for (const name of names.filter((each) => each !== 'help')) {
    const help = await does(name, '--help');
    expect(help.code).toBe(0);
    expect(help.stdout, name).toMatch(/\nExit codes:\n {2}0 {2}\S.*\n {2}1 {2}\S.*\n {2}2 {2}\S.*\n$/);
    expect(help.stdout).toContain('--local');
  }
});

test.each([
  ['old', ['--machine', 'old']],
  ['run-migrations-staging', ['--stage', 'staging']],
])(
  'the machine %s, that was deployed before there were tags, is found by %j, and is a clear error',
  async (name, where) => {
    const arn = at.runtime.migrationsMachineArn.replace(/[^:]+$/, name);
    const definition = '{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed"}}}';
    at.runtime.stepFunctions.deploy({ machines: [{ name, arn, definition }], functions: [] });
    expect(await does('list', ...where)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `${arn} has no tag data-migrations:cluster-arn, so its database cannot be found: it was deployed by a release before this command. Deploy this one, and try again\n`,
    });
  },
);

test('a ledger of version 1 is read, and said to be upgraded by a run', async () => {
  for (const statement of versions()[0]?.statements ?? []) {
    await at.runtime.database.query(statement);
  }
  await at.runtime.database.query(`
    INSERT INTO data_migrations.version (version) VALUES (1);
    INSERT INTO data_migrations.migrations (name, status, run, total_processed, rows_known, duration_seconds)
    VALUES ('labels', 'failed', 'r', 40, 100, 2)`);
  const { code, stdout, stderr } = await does('list');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^labels +backfill +failed +40 +0 +\d{4}-/m);
  expect(stderr).toMatch(
    /^the ledger has version 1, this checkout knows \d: the next run of it upgrades the ledger$/m,
  );
  expect(await json('progress', 'labels')).toMatchObject({ percent: 40, state: 'failed', late: false });
  expect(await does('finished', 'labels')).toMatchObject({ code: 1 });
  expect(await does('finished', 'prices')).toMatchObject({ code: 1 });
  expect(await does('start', '--wait', '--only', 'labels', '--foreground')).toMatchObject({ code: 0 });
});

test('a migration that only the ledger remembers is listed as no longer registered, and can be asked for', async () => {
  await does('start', '--wait', '--only', 'prices');
  const later = registered.filter(({ name }) => name !== 'prices');
  const { stdout } = await at.doesWith(later, 'list');
  expect(stdout).toMatch(/\nprices +no longer registered +finished +60 +2 /);
  expect(await at.doesWith(later, 'finished', 'prices')).toMatchObject({ code: 0 });
});
