import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../support/fault-proxy.ts';
import { type Ended, startTestRuntime, type TestRuntime } from '../support/runtime.ts';

let chain: TestRuntime;

beforeAll(async () => {
  chain = await startTestRuntime({ fixture: 'restored', secondMs: 2 });
  await chain.database.query(`
    CREATE TABLE items (shop text, number integer, price text NOT NULL, cents integer, label text NOT NULL, note text,
      PRIMARY KEY (shop, number))`);
});
afterAll(() => chain.close());

interface Item {
  readonly shop: string;
  readonly number: number;
  readonly xmin: string;
  readonly cents: number | null;
  readonly label: string;
  readonly note: string | null;
}

const items = () =>
  chain.database.query<Item & Record<string, unknown>>(
    'SELECT xmin, shop, number, price, cents, label, note FROM items ORDER BY shop, number',
  );
let original: readonly Item[];

/** 16 items: those of shop c are in the new form already, and one of shop b is what no validation passes. */
beforeEach(async () => {
  await chain.reset();
  await chain.database.query(
    'TRUNCATE items; DROP TABLE IF EXISTS data_migrations.undo_cents, data_migrations.undo_labels',
  );
  await chain.database.query(`
    INSERT INTO items SELECT shop, number, number || '.50', CASE shop WHEN 'c' THEN number * 100 + 50 END,
      CASE shop WHEN 'c' THEN 'new:' ELSE '' END || 'label ' || number
    FROM unnest(ARRAY['a', 'b', 'c']) AS shop, generate_series(1, CASE shop WHEN 'c' THEN 2 ELSE 7 END) AS number;
    UPDATE items SET price = '-1', label = 'label ?' WHERE shop = 'b' AND number = 5`);
  original = await items();
});

/** What the application does once the batches are done: another column, the same value, another value, nothing left. */
const changes = `
  UPDATE items SET note = 'seen' WHERE shop = 'a' AND number = 2;
  UPDATE items SET cents = cents, label = label WHERE shop = 'a' AND number = 6;
  UPDATE items SET cents = 7, label = 'new:theirs' WHERE shop = 'b' AND number = 1;
  DELETE FROM items WHERE shop = 'b' AND number = 4`;
const changed = ['a 2', 'a 6', 'b 1', 'b 4'];
const nameOf = ({ shop, number }: Pick<Item, 'shop' | 'number'>) => `${shop} ${number}`;

/** Has the application change its items before the first look at them. */
function changeBeforeValidating(more?: TestRuntime['between']['invocation']): void {
  let done = false;
  chain.between.invocation = async (request, invoke) => {
    if (request.operation === 'validate' && !done) {
      done = true;
      await chain.database.query(changes);
    }
    return more === undefined ? invoke() : more(request, invoke);
  };
}

const kinds = { backfill: 'cents', rewrite: 'labels' } as const;
type Name = (typeof kinds)[keyof typeof kinds];
const failure: Record<Name, string> = {
  cents: '"positive" failed for 1 row: (b, 5)',
  labels: '"readable" failed for 1 row: (b, 5)',
};

/** The run failed as it should have, and each item is as it was unless the application has changed it since. */
async function expectRestored(name: Name, { status, error, cause }: Ended): Promise<void> {
  expect({ status, error, cause }).toEqual({
    status: 'FAILED',
    error: 'ValidationFailed',
    cause:
      `migration "${name}": ${failure[name]}. So 10 of the rows that it had changed were put back, and 4 left, because they ` +
      'had been changed since, or are gone, or could not be put back: what these were before is in ' +
      `data_migrations."undo_${name}". Correct the rows or the migration, deploy, and start the machine again: it begins anew`,
  });
  const now = await items();
  const same = now.filter((item) => !changed.includes(nameOf(item)));
  const wasThere = original.filter((item) => !changed.includes(nameOf(item)));
  const withoutVersion = ({ xmin: _, ...item }: Item) => item;
  expect(same.map(withoutVersion)).toEqual(wasThere.map(withoutVersion));
  // What needed no change was not even touched.
  const ofShopC = ({ shop }: Item) => shop === 'c';
  expect(now.filter(ofShopC)).toEqual(original.filter(ofShopC));

  const other = name === 'cents' ? { label: 'label 2', cents: 250 } : { label: 'new:label 2', cents: null };
  const left = now.filter((item) => changed.includes(nameOf(item)));
  expect(left).toMatchObject([
    { ...other, note: 'seen' },
    name === 'cents' ? { label: 'label 6', cents: 650 } : { label: 'new:label 6', cents: null },
    { label: 'new:theirs', cents: 7 },
  ]);
  const journal = await chain.database.query<{ shop: string; number: number }>(
    `SELECT "k#0" AS shop, "k#1" AS number FROM data_migrations.undo_${name} ORDER BY 1, 2`,
  );
  expect(journal.map(nameOf)).toEqual(changed);
  const line = await chain.database.query(
    `SELECT status FROM data_migrations.migrations WHERE name = '${name}'`,
  );
  expect(line).toEqual([{ status: 'restored' }]);
}

describe.each(Object.entries(kinds))('promise 8: a failed validation of a %s', (_, name) => {
  test('puts back exactly the rows that it changed and nobody changed since, and says what it left', async () => {
    changeBeforeValidating();
    await expectRestored(name, await chain.run({ only: name }));
  });

  test('does so once although Lambda runs every invocation twice at the same time', async () => {
    changeBeforeValidating(async (_, invoke) => {
      const [first] = await Promise.all([invoke(), invoke()]);
      return first;
    });
    await expectRestored(name, await chain.run({ only: name }));
  });
});

test('promise 8: it does so although its worker dies before and after each statement, and starts go on with it', async () => {
  const statements = new Map<string, number>();
  let restoring = false;
  changeBeforeValidating((request, invoke) => {
    restoring = request.operation === 'restore';
    return invoke();
  });
  chain.between.call = async (call): Promise<Fault> => {
    const { sql } = JSON.parse(call.body) as { readonly sql: string };
    const deaths = statements.get(sql) ?? 0;
    // A run that fails by its worker's third death when all is restored would say nothing of it, and the next begin anew.
    if (!restoring || deaths === 2 || (deaths === 1 && sql.includes(`status = 'restored'`))) {
      return 'pass';
    }
    statements.set(sql, deaths + 1);
    if (deaths === 1) {
      await chain.forward(call);
    }
    await chain.crash();
    return 'refuse';
  };
  let runs = 1;
  let ended = await chain.run({ only: 'cents' });
  for (; ended.error !== 'ValidationFailed'; runs += 1) {
    expect(ended.status).toBe('FAILED');
    ended = await chain.run({ only: 'cents' });
  }
  await expectRestored('cents', ended);
  expect(runs).toBeGreaterThan(5);
  const deaths = [...statements.values()];
  expect(deaths).toEqual(deaths.map((_, i) => (i < deaths.length - 1 ? 2 : 1)));
});

test.each<[string, (number: number) => Fault]>([
  ['loses every other answer', (number) => (number % 2 === 0 ? 'lose-answer' : 'pass')],
  ['sends everything twice', () => 'duplicate'],
])('promise 8: it does so once although the network %s', async (_, fault) => {
  let restoring = false;
  let number = 0;
  changeBeforeValidating((request, invoke) => {
    restoring = request.operation === 'restore';
    return invoke();
  });
  chain.between.call = () => {
    number += 1;
    return restoring ? fault(number) : 'pass';
  };
  await expectRestored('labels', await chain.run({ only: 'labels' }));
});

test('promise 8: the run that goes on restoring after a stop fails as the stopped one would have, and the next begins anew', async () => {
  const execution = await chain.start({ only: 'labels' });
  changeBeforeValidating(async (request, invoke) => {
    const answer = await invoke();
    if (request.operation === 'validate') {
      await chain.stop(execution);
    }
    return answer;
  });
  expect((await chain.ended(execution)).status).toBe('ABORTED');
  chain.between.invocation = undefined;
  await expectRestored('labels', await chain.run({ only: 'labels' }));

  chain.release('restored-next', 'next');
  const { status, result } = await chain.run();
  const passed = (name: string) => ({ name, passed: true, failed_rows: 0 });
  expect({ status, result }).toMatchObject({
    status: 'SUCCEEDED',
    result: {
      cents: {
        total_processed: 15,
        total_updated: 12,
        errors: 0,
        validations: [passed('no_nulls'), passed('positive')],
      },
      labels: { total_processed: 15, total_updated: 10, errors: 0, validations: [passed('readable')] },
    },
  });
  const wrong = `SELECT FROM items WHERE cents IS NULL OR cents < 0 OR label NOT LIKE 'new:%' OR label LIKE '%?%'`;
  expect(await chain.database.query(wrong)).toEqual([]);
});
