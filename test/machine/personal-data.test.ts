import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

const rows = 40;

/** In each key and each value of the table. */
const mark = /secret/i;

async function start(show: 'true' | 'false'): Promise<TestRuntime> {
  const chain = await startTestRuntime({
    fixture: 'people',
    environment: { POWERTOOLS_LOG_LEVEL: 'DEBUG', POWERTOOLS_METRICS_DISABLED: 'false', SHOW_ROW_DATA: show },
  });
  await chain.database.query(
    `CREATE TABLE people (email text PRIMARY KEY, name text, initials text, age_text text, age integer, code text,
       salary_text text, salary integer)`,
  );
  return chain;
}

/** Rows of which one is too young, one has no age, one no initials, two the same code; of two, the salary is no number. */
async function fill({ database }: TestRuntime): Promise<void> {
  await database.query('DROP TRIGGER IF EXISTS guard ON people');
  await database.query('TRUNCATE people');
  await database.query(
    `INSERT INTO people (email, name, age_text, salary_text)
     SELECT lpad(n::text, 2, '0') || 'secret@example.org', 'Secret Person ' || n, 20 + n, 1000 * n FROM generate_series(1, ${rows}) AS n`,
  );
  await database.query(`UPDATE people SET age_text = 'secret age' WHERE email LIKE '07%'`);
  await database.query(`UPDATE people SET age_text = '17' WHERE email LIKE '08%'`);
  await database.query(`UPDATE people SET name = 'Secretive' WHERE email LIKE '09%'`);
}

/** A trigger that does this when the row of one person is updated. */
async function guard({ database }: TestRuntime, statement: string): Promise<void> {
  await database.query(`CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.email LIKE '07%' THEN ${statement}; END IF; RETURN NEW; END $$`);
  await database.query(
    'CREATE OR REPLACE TRIGGER guard BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION guard()',
  );
}

/** All that a run leaves outside of the database: executions, their histories, what the functions wrote. */
async function everythingOutside(chain: TestRuntime): Promise<string[]> {
  const outside: string[] = [...chain.log];
  for (const machine of [chain.migrationsMachineArn, chain.rebuildMachineArn]) {
    for (const arn of await chain.executions(machine)) {
      outside.push(JSON.stringify(await chain.describe(arn)));
      outside.push(...(await chain.history(arn)).map((event) => JSON.stringify(event)));
    }
  }
  return outside;
}

describe('promise 15: keys and values of rows', () => {
  let chain: TestRuntime;
  beforeAll(async () => {
    chain = await start('false');
  });
  afterAll(() => chain.close());
  beforeEach(async () => {
    await chain.reset();
    await fill(chain);
  });

  it('leave the database in no log, metric, state, event or error of a run', async () => {
    const causes: string[] = [];
    const run = async (input: object = {}) => {
      const { status, error, cause, result } = await chain.run(input);
      causes.push(`${error}: ${cause}`);
      return { status, error, result };
    };
    // Invalid after it, and put back.
    await chain.database.query(
      `UPDATE people SET email = '01secret' || substr(email, 9) || 'x' WHERE email LIKE '02%'`,
    );
    expect(await run()).toMatchObject({ status: 'FAILED', error: 'ValidationFailed' });
    await chain.database.query(`UPDATE people SET email = '02secret@example.org' WHERE email LIKE '%x'`);
    // A value that is no number, where no bad row is allowed.
    await chain.database.query(`UPDATE people SET salary_text = 'secret sum' WHERE email LIKE '1%'`);
    expect(await run()).toMatchObject({ status: 'FAILED', error: 'ErrorBudgetSpent' });
    await chain.database.query(`UPDATE people SET salary_text = '1' WHERE salary IS NULL`);
    expect((await run()).result).toMatchObject({ salaries: { total_updated: rows, errors: 0 } });
    expect((await run({ validate: 'ages' })).result).toMatchObject({
      ages: { validations: [{ name: 'grown', passed: false, failed_rows: 2 }, expect.anything()] },
    });
    expect((await run({ retry: 'ages' })).result).toMatchObject({ ages: { errors: 1 } });

    // Something to look through, which says what it can.
    const outside = await everythingOutside(chain);
    expect(outside.filter((text) => text.includes('"RowErrors"')).length).toBeGreaterThan(3);
    expect(outside.filter((text) => text.includes('"slice"')).length).toBeGreaterThan(3);
    expect(causes[0]).toContain('"unique" failed for 2 rows. So 40 of');
    expect(causes[1]).toMatch(
      /migration "salaries", batch \d+: \d+ rows? could not be migrated.*npx migrations errors salaries/s,
    );
    expect(outside.filter((text) => mark.test(text))).toEqual([]);
    // What is there for who asks the database.
    const errors = await chain.database.query<{ key: string[]; reason: string }>(
      'SELECT key, reason FROM data_migrations.row_errors ORDER BY 1',
    );
    expect(errors).toHaveLength(2);
    expect(errors.every(({ key, reason }) => mark.test(key.join()) && mark.test(reason))).toBe(true);
  });

  it.each([
    [`RAISE EXCEPTION '% must not be changed', NEW.email USING ERRCODE = 'AP001'`, 'AP001'],
    [`RAISE EXCEPTION E'%\n must not be changed', NEW.email USING ERRCODE = 'check_violation'`, '23514'],
  ])('leave it in nothing that a trigger says of a row: %s', async (refusal, sqlstate) => {
    await guard(chain, refusal);
    const { status, result } = await chain.run({ only: 'initials' });
    expect({ status, result }).toMatchObject({ status: 'SUCCEEDED', result: { initials: { errors: 2 } } });
    const [{ reason } = { reason: '' }] = await chain.database.query<{ reason: string }>(
      `SELECT reason FROM data_migrations.row_errors WHERE sqlstate = '${sqlstate}'`,
    );
    expect(reason).toContain('07secret@example.org');
    expect((await everythingOutside(chain)).filter((text) => mark.test(text))).toEqual([]);
  });

  it('leave it in no error of a table whose column does not take another type', async () => {
    await chain.database.query(`CREATE TABLE letters AS SELECT 'secret year' AS year`);
    const { error, cause } = await chain.run({ only: 'years' });
    expect(`${error}: ${cause}`).toMatch(
      /^MigrationFailed: migration "years", table \S+letters \(1 of 1\): the database refused a row \(SQLSTATE 22P02\)\. None of these/,
    );
    expect((await everythingOutside(chain)).filter((text) => mark.test(text))).toEqual([]);
    await chain.database.query('DROP TABLE letters');
  });

  it('leave it in no error of a statement that fails on a value', async () => {
    await guard(chain, 'PERFORM NEW.name::tsquery');
    const { error, cause } = await chain.run({ only: 'codes' });
    expect(`${error}: ${cause}`).toMatch(/^MigrationFailed: migration "codes", batch \d+: .*SQLSTATE 42601/);
    expect((await everythingOutside(chain)).filter((text) => mark.test(text))).toEqual([]);
  });
});

it('promise 15: are shown where the stack says so', async () => {
  const chain = await start('true');
  await fill(chain);
  await chain.database.query(`UPDATE people SET salary_text = 'secret sum' WHERE email LIKE '11%'`);
  const { cause } = await chain.run();
  expect(cause).toContain(
    'One of them: key (11secret@example.org): ERROR: invalid input syntax for type integer: "secret sum"',
  );
  await chain.database.query(`UPDATE people SET salary_text = '1' WHERE email LIKE '11%'`);
  const asked = await chain.run({ validate: 'ages' });
  expect(asked.result).toMatchObject({
    ages: { validations: [{ keys: ['07secret@example.org', '08secret@example.org'] }, {}] },
  });
  await chain.close();
}, 120_000);
