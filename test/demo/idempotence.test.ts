import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrations } from '../../demo/migrations/index.ts';
import { verify } from '../../functions/engine/trial/verify.ts';
import { type DemoDatabase, demoDatabase } from '../support/demo-database.ts';

let demo: DemoDatabase;

beforeAll(async () => {
  demo = await demoDatabase();
});
afterAll(() => demo.close());

const ofRows = migrations.flatMap((migration) => (migration.kind === 'alterTables' ? [] : [migration]));

it.for(ofRows.map((migration) => [migration.name, migration] as const))(
  '%s may run twice',
  async ([, migration]) => {
    const { database } = demo;
    // docs: verified
    const verified = await verify(database, migration, { runs: 3, rows: 1_000 });
    expect(verified).toMatchObject({ runs: 3, final_state: 'unchanged' });
    // docs: end
    expect(verified.rows_updated).toBeGreaterThan(0);
  },
);
