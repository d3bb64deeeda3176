import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { currentVersion } from '../../functions/engine/ledger/versions.ts';
import { makeNewer, shapeOf } from '../support/newer-ledger.ts';
import { type Operator, operator } from './operator.ts';

let at: Operator;
beforeAll(async () => {
  at = await operator();
});
afterAll(() => at.close());
beforeEach(() => at.begin());

const json = async (...args: string[]) => JSON.parse((await at.does(...args, '--json')).stdout);

test('a ledger that is newer and compatible is no concern of any command, and none changes it', async () => {
  await at.does('start', '--wait', '--only', 'labels'); // makes its undo journal, which is in the same schema
  await makeNewer(at.runtime.database, 'compatible');
  const before = await shapeOf(at.runtime.database);

  expect(await at.does('start', '--wait', '--foreground')).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await at.does('list');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^labels +backfill +finished +60 /m);
  expect(await json('progress', 'labels')).toMatchObject({ state: 'finished', percent: 100 });
  expect(await at.does('finished', 'labels')).toMatchObject({ code: 0 });
  expect(await at.does('finished', 'nothing-to-do')).toMatchObject({ code: 0 });
  expect(await json('errors', 'prices')).toHaveLength(2);
  for (const args of [
    ['plan'],
    ['verify', 'labels'],
    ['pause', 'labels'],
    ['resume', 'labels'],
    ['tune', 'labels', '--rest', '1'],
    ['history'],
  ]) {
    const { stderr: said, ...exit } = await at.does(...args);
    expect(said, args.join(' ')).not.toMatch(/version/);
    expect(exit, `${args.join(' ')}: ${said}`).toMatchObject({ code: 0 });
  }
  expect(await shapeOf(at.runtime.database)).toEqual(before);
}, 60_000);

test('one that is newer and breaking is refused by every command, saying what to do', async () => {
  await at.does('start', '--wait', '--only', 'prices');
  await makeNewer(at.runtime.database, 'breaking');
  const before = await shapeOf(at.runtime.database);
  const said = `the ledger (schema data_migrations) has version ${currentVersion + 1}; this code knows ${currentVersion}: it is of an older release than the one that upgraded the ledger. Deploy the newer one again, and use its commands`;

  for (const args of [
    ['list'],
    ['plan'],
    ['start', '--wait'],
    ['progress'],
    ['finished', 'prices'],
    ['errors', 'prices'],
    ['verify', 'prices'],
    ['pause', 'labels'],
    ['resume', 'labels'],
    ['tune', 'labels', '--rest', '1'],
    ['history'],
  ]) {
    const { code, stdout, stderr } = await at.does(...args);
    // A plan has it as the problem of each migration.
    expect({ code, all: (stdout + stderr).replaceAll(/\s+/g, ' ') }, args.join(' ')).toEqual({
      code: 1,
      all: expect.stringContaining(said),
    });
    expect(stdout).not.toMatch(/finished/);
  }
  expect(await shapeOf(at.runtime.database)).toEqual(before);
}, 60_000);

test('one that is newer, breaking and altered beyond what a command reads says that, and not which column is missing', async () => {
  await at.does('start', '--wait', '--only', 'prices');
  await makeNewer(at.runtime.database, 'breaking');
  await at.runtime.database.query('ALTER TABLE data_migrations.migrations RENAME COLUMN started_at TO since');
  const { code, stderr } = await at.does('list');
  expect(code).toBe(1);
  expect(stderr).toContain(`has version ${currentVersion + 1}; this code knows ${currentVersion}`);
});
