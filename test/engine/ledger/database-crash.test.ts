import { setTimeout as wait } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import pg from 'pg';
import { expect, it } from 'vitest';
import type { Caller } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { lambdaClock } from '../../../functions/engine/clock.ts';
import { dataApi } from '../../../functions/engine/database/data-api.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import { describeTable } from '../../../functions/engine/database/table.ts';
import { claim } from '../../../functions/engine/ledger/checkpoint.ts';
import { hold } from '../../../functions/engine/ledger/run-lock.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { begin } from '../../../functions/engine/lifecycle/begin.ts';
import { finish } from '../../../functions/engine/lifecycle/finish.ts';
import { scheduleOf } from '../../../functions/engine/schedule/schedule.ts';
import { runSlice } from '../../../functions/engine/slice/slice.ts';
import { startRdsData } from '../../../local/rds-data/endpoint.ts';
import { credentials } from '../../support/credentials.ts';
import { rowsOf } from '../../support/opened.ts';
import { ownPostgres } from '../../support/own-postgres.ts';

const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:app';
const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:app';
const run: Caller = {
  execution_arn: 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:crash',
  redrive_count: 0,
  part: 1,
};
const rows = 100_000;
const probe = rowsOf(
  backfill({
    name: 'probe',
    table: 'counters',
    key: 'id',
    immutableKey: true,
    set: { n: sql`n + 1` },
    pace: { maxRows: 1_000, restSeconds: 0.02 }, // long enough to be hit by every crash
  }),
);

it('promises 1 and 2: a database that crashes loses batches only together with their checkpoint', async () => {
  const postgres = await ownPostgres('crash');
  const endpoint = await startRdsData({
    database: postgres.connection,
    accessKeyId: credentials.accessKeyId,
  });
  try {
    await query(postgres.connection, 'CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL)');
    await query(
      postgres.connection,
      `INSERT INTO counters SELECT n, 0 FROM generate_series(1, ${rows}) AS n`,
    );
    const client = new RDSDataClient({ endpoint: endpoint.url, region: 'eu-central-1', credentials });
    const { sleep } = lambdaClock;
    const database = dataApi({ client, once: client, clusterArn, secretArn, database: 'postgres', sleep });
    await upgradeLedger(database);
    await hold(database, async () => undefined, run, { request: {}, code: '1' });
    const table = await describeTable(database, probe);
    await begin(database, probe, run, { rows, areLeft: false, isCounted: true }, undefined);

    // As the machine does: slice after slice, each from the checkpoint that is left, and again when one failed.
    const migrate = async () => {
      for (;;) {
        const result = await slice().catch(() => wait(100));
        if (result) {
          return result;
        }
      }
    };
    const surroundings = { database, clock: lambdaClock, logger: { warn: () => {} } };
    const slice = async () => {
      const claimed = await claim(database, 'probe', run);
      if (claimed === undefined) {
        throw new Error('the run holds the ledger, so it can claim');
      }
      const schedule = await scheduleOf(surroundings, probe, table, claimed);
      const deadline = lambdaClock.now() + 30;
      const isOver = () => lambdaClock.now() >= deadline;
      const input = { database, clock: lambdaClock, isOver, migration: probe, table };
      const progress = await runSlice(input, claimed, schedule);
      return progress.state === 'done' && finish(database, probe, progress.at, { seconds: 0 });
    };
    const migrated = migrate();
    for (let crash = 1; crash <= 3; crash += 1) {
      await wait(400);
      await postgres.crash();
      await postgres.restart();
    }
    expect(await migrated).toBe(true);
    expect(await query(postgres.connection, 'SELECT result FROM data_migrations.migrations')).toMatchObject([
      { result: { total_processed: rows, total_updated: rows, errors: 0 } },
    ]);
    const counts = await query(
      postgres.connection,
      'SELECT n, count(*)::int AS rows FROM counters GROUP BY n',
    );
    expect(counts).toEqual([{ n: 1, rows }]);
  } finally {
    await endpoint.close();
    await postgres.close();
  }
});

async function query(connection: pg.ClientConfig, text: string): Promise<unknown[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
