import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RewriteOptions, rewrite } from '../../../functions/engine/batch/rewrite.ts';
import type { Change } from '../../../functions/engine/batch/rewrite-change.ts';
import type { ReadRow } from '../../../functions/engine/batch/rewrite-read.ts';
import { transformRows } from '../../../functions/engine/batch/transform-rows.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Table } from '../../../functions/engine/database/table.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const rows = 300;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS pages');
  await engine.database.query('CREATE TABLE pages (id integer PRIMARY KEY, body text, words integer)');
  await engine.database.query(`INSERT INTO pages SELECT n, 'word' FROM generate_series(1, ${rows}) AS n`);
});

interface PageRow {
  id: number;
  body: string;
  words: number | null;
}

const words = (
  transform: RewriteOptions<PageRow>['transform'],
  more: Partial<RewriteOptions<PageRow>> = {},
) =>
  rewrite<PageRow>({
    name: 'words',
    table: 'pages',
    key: 'id',
    columns: ['body', 'words'],
    where: sql`words IS NULL`,
    transformTimeout: '0.2 seconds',
    transform,
    ...more,
  });

const forEver = () => {
  for (;;) {
    // as a parser might that does not move on
  }
};

const hangs: Record<string, RewriteOptions<PageRow>['transform']> = {
  'waits for what never comes': ({ id }) => (id % 100 === 7 ? new Promise(() => {}) : { words: 1 }),
  loops: ({ id }) => {
    if (id % 100 === 7) {
      forEver();
    }
    return { words: 1 };
  },
  'loops before its first await': async ({ id }) => {
    if (id % 100 === 7) {
      forEver();
    }
    return { words: 1 };
  },
  'catches what it is broken off with': ({ id }) => {
    while (id % 100 === 7) {
      try {
        forEver();
      } catch {
        // and goes on
      }
    }
    return { words: 1 };
  },
  'has a regular expression that backtracks': ({ id, body }) => ({
    words: /^(\w+\s?)*$/.test(id % 100 === 7 ? `${'word'.repeat(20)}!` : body) ? 1 : 2,
  }),
  'returns what loops when it is written': ({ id }) => ({
    words: id % 100 === 7 ? ({ toJSON: forEver } as never) : 1,
  }),
};

describe('A row whose transform', () => {
  it.each(Object.entries(hangs))('%s is recorded, and all others are migrated', async (_, transform) => {
    const { words: result } = await engine.run([words(transform)]);
    expect(result).toMatchObject({ total_processed: rows, total_updated: rows - 3, errors: 3 });
    const reason = 'transform took longer than 0.2 s, its "transformTimeout"';
    expect(await engine.ledger('row_errors')).toMatchObject([
      { key: ['107'], reason, sqlstate: null },
      { key: ['207'], reason },
      { key: ['7'], reason },
    ]);
    expect(await engine.run([words(transform)])).toEqual({ words: 'skipped' });

    const { words: retried } = await engine.run([words(() => ({ words: 1 }))], { input: { retry: 'words' } });
    expect(retried).toMatchObject({ total_updated: rows, errors: 0 });
  });

  it('hangs in a retry stays recorded', async () => {
    const transform = hangs.loops as RewriteOptions<PageRow>['transform'];
    await engine.run([words(transform)]);
    const { words: retried } = await engine.run([words(transform)], { input: { retry: 'words' } });
    expect(retried).toMatchObject({ errors: 3 });
    expect(await engine.ledger('row_errors')).toHaveLength(3);
  });

  it('hangs for more rows than the budget has ends the run, which names the migration and how to list them', async () => {
    const always = words(forEver, { errorBudget: 2 });
    await expect(engine.run([always])).rejects.toMatchObject({
      name: 'ErrorBudgetSpent',
      message: expect.stringMatching(
        /migration "words".*3 rows.*took longer than 0\.2 s.*npx migrations errors words/s,
      ),
    });
  });
});

it('A row whose transform came to its end is not recorded because the database failed then, and the invocation with it', async () => {
  const migration = words(async () => ({ words: 1 }));
  const age = () =>
    engine.database.query(`UPDATE data_migrations.transforming SET since = now() - interval '1 h'`);
  /** A run whose calls are all refused from the writing of so many pages on. */
  const failingAt = async (most: number): Promise<number> => {
    let pages = 0;
    engine.between = ({ sql: text }) => {
      pages += text.includes('UPDATE "public"."pages"') ? 1 : 0;
      return pages >= most ? 'refuse' : 'pass';
    };
    const running = engine.run([migration], { attempts: 1 });
    await expect(running).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
    await age();
    const { total_processed } = (await engine.ledger<{ total_processed: string }>('migrations'))[0] as {
      total_processed: string;
    };
    return Number(total_processed);
  };
  // The first leaves its page as one that was ended in it does, so that the second takes its rows one by one.
  expect(await failingAt(1)).toBe(0);
  expect(await failingAt(4)).toBe(3);
  engine.between = () => 'pass';
  const { words: result } = await engine.run([migration]);
  expect(result).toMatchObject({ total_updated: rows, errors: 0 });
});

it('Rows that take long together, and each of them not too long, are migrated', async () => {
  const { words: result } = await engine.run([
    words(() => {
      const until = performance.now() + 5;
      while (performance.now() < until) {
        // works
      }
      return { words: 1 };
    }),
  ]);
  expect(result).toMatchObject({ total_updated: rows, errors: 0 });
});

it.each([0, 1, 2])(
  'No row is to blame where the process waits for its turn with %i rows done',
  async (done) => {
    const rows = ['1', '2'].map((key): ReadRow => ({ key: [key], xmin: '1', changes: false, values: [] }));
    let looks = 0;
    // Whether there is another row is asked before each one; a row that only is to be marked takes no time.
    const read = new Proxy(rows, {
      get(target, name) {
        const isLook = name === 'length' && looks++ === 1 + done;
        for (const until = performance.now() + (isLook ? 200 : 0); performance.now() < until; ) {
          // waits
        }
        return Reflect.get(target, name);
      },
    });
    const change = { columns: [], transformSeconds: 0.1 } as Partial<Change>;
    const table = { columns: new Map() } as Partial<Table>;
    const { rows: written, errors } = await transformRows(change as Change, table as Table, read);
    expect(looks).toBeGreaterThan(1 + done);
    expect({ keys: written.map(({ key }) => key), errors }).toEqual({ keys: [['1'], ['2']], errors: [] });
  },
);

it.each([
  ['1 hour', 'at most 60 seconds'],
  ['soon', 'which is not a duration'],
])('A limit of %j is refused', (transformTimeout, message) => {
  expect(() => words(() => undefined, { transformTimeout })).toThrow(message);
});
