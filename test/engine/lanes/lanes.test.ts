import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { RowOptions } from '../../../functions/engine/define/migration.ts';
import { startEngine, type TestEngine } from '../../support/engine.ts';

const rows = 2_000;
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());
beforeEach(async () => {
  await engine.reset();
  await engine.database.query('DROP TABLE IF EXISTS rows');
});

const kinds = {
  backfill: (options: Partial<RowOptions> & Pick<RowOptions, 'key'>) =>
    backfill({
      name: 'probe',
      table: 'rows',
      immutableKey: true,
      set: { changed: sql`changed + 1` },
      lanes: 4,
      pace: { maxRows: 20 },
      ...options,
    }),
  rewrite: (options: Partial<RowOptions> & Pick<RowOptions, 'key'>) =>
    rewrite<{ changed: number }>({
      name: 'probe',
      table: 'rows',
      immutableKey: true,
      columns: ['changed'],
      transform: ({ changed }) => ({ changed: changed + 1 }),
      lanes: 4,
      pace: { maxRows: 20 },
      ...options,
    }),
};

const keys: Record<
  string,
  { readonly columns: string; readonly key: string | readonly string[]; readonly values: string }
> = {
  'an integer': { columns: 'id integer', key: 'id', values: 'n' },
  'a uuid': { columns: 'id uuid', key: 'id', values: 'gen_random_uuid()' },
  'a text with a collation': {
    columns: 'id text COLLATE "en-x-icu"',
    key: 'id',
    values: `md5(n::text) || 'ß'`,
  },
  'several columns': {
    columns: 'tenant smallint, at timestamptz, id bytea',
    key: ['tenant', 'at', 'id'],
    values: `n % 3, now() + n % 50 * interval '1 h', decode(md5(n::text), 'hex')`,
  },
};

describe.each(Object.entries(kinds))('Promise 2, a %s by four lanes', (_, make) => {
  it.each(Object.entries(keys))(
    'changes each row once whose key is %s',
    async (_, { columns, key, values }) => {
      await engine.database.query(
        `CREATE TABLE rows (${columns}, changed integer NOT NULL DEFAULT 0, PRIMARY KEY (${[key].flat().join(', ')}))`,
      );
      await engine.database.query(`INSERT INTO rows SELECT ${values} FROM generate_series(1, ${rows}) AS n`);
      const lanes = new Set<unknown>();
      let most = 0;
      engine.between = async () => {
        const taken = await engine.ledger<{ lane: number | null; done: boolean }>('ranges').catch(() => []);
        for (const { lane } of taken) {
          lanes.add(lane);
        }
        most = Math.max(most, taken.length);
        return undefined;
      };
      const result = await engine.run([make({ key })]);
      expect(result.probe).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
      expect(await changes()).toEqual([{ changed: 1, rows }]);
      expect([...lanes].filter((lane) => lane !== null).sort()).toEqual([0, 1, 2, 3]);
      expect(most).toBeGreaterThan(16);
      expect(await engine.ledger('ranges')).toEqual([]);
    },
  );
});

const changes = () =>
  engine.database.query('SELECT changed, count(*)::int AS rows FROM rows GROUP BY 1 ORDER BY 1');
