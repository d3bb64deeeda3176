import { afterAll, beforeAll, expect, it } from 'vitest';
import { labelled } from '../../../functions/engine/database/place.ts';
import { type Sql, sql, withCtes } from '../../../functions/engine/database/sql.ts';
import { type DatabaseError, publicMessage } from '../../../functions/engine/errors.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

const said = (statement: Sql): Promise<string> =>
  engine
    .dataApi()
    .execute(statement)
    .then(
      () => 'nothing',
      (error: Error) => error.message,
    );
/** A statement of ours around SQL of an author, with values before it and characters of more than one unit. */
const around = (fragment: Sql): Sql =>
  withCtes(
    [sql`"ours#" AS (SELECT ${1} AS n, ${'x'} AS t, '😀' AS s)`],
    sql`SELECT n FROM "ours#" WHERE (${fragment})`,
  );

it('An error points to the place in the SQL of the author, with a placeholder where a value stands', async () => {
  expect(await said(around(labelled(sql`n = ${5} AND nmae = 'x'`, 'where')))).toMatch(
    /^ERROR: column "nmae" does not exist.*; in where:\n {2}n = \$\{…\} AND nmae = 'x'\n {15}\^\nSQLState: 42703$/,
  );
});

it('An error points to the line, with two lines around it, behind characters of more than one unit', async () => {
  const long = labelled(
    sql`true
    AND 1 = 1
    AND 2 = 2
    AND '😀ä' = s AND ${'a'} = t AND nmae
    AND 3 = 3
    AND 4 = 4
    AND 5 = 5`,
    'set.name',
  );
  expect(await said(around(long))).toContain(
    `; in set.name:\n` +
      `      AND 1 = 1\n` +
      `      AND 2 = 2\n` +
      `      AND '😀ä' = s AND \${…} = t AND nmae\n` +
      `${' '.repeat(36)}^\n` +
      `      AND 3 = 3\n` +
      `      AND 4 = 4\nSQLState: 42703`,
  );
});

it('Everybody is shown the place where a value in the SQL is wrong, and not what the database says of values', async () => {
  const wrong = around(labelled(sql`n = '12 €'`, 'where'));
  const error = await engine
    .dataApi()
    .execute(wrong)
    .catch((thrown: unknown) => thrown);
  expect(publicMessage(error as DatabaseError)).toBe(
    `the database refused a value; in where:\n  n = '12 €'\n      ^\nSQLState: 22P02`,
  );
});

it('An error outside of what an author wrote keeps its position', async () => {
  const ours = sql`SELECT ${labelled(sql`1`, 'where')}, nmae`;
  expect(await said(ours)).toMatch(/; Position: 11; SQLState: 42703$/);
  expect(await said(sql`SELECT nmae`)).toMatch(/; Position: 8; SQLState: 42703$/);
});
