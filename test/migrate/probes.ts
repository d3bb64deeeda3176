import type { MigrateRequest, Slice } from '../../functions/contract.ts';
import { backfill } from '../../functions/engine/batch/backfill.ts';
import { sql } from '../../functions/engine/database/sql.ts';
import { caller, type LambdaProcess, type TestEngine } from '../support/engine.ts';

// Three migrations that add 1 to every row of a table each, and what the machine asks the Lambda in a run of them.

export const rows = 35;
export const jobs = {
  rebuild: 'arn:aws:states:eu-central-1:123456789012:stateMachine:rebuild',
  report: 'arn:aws:states:eu-central-1:123456789012:stateMachine:report',
};

/** Adds 1 to every row of its table, once. */
export const probe = (name: string, rebuilds: readonly (keyof typeof jobs)[] = []) =>
  backfill({
    name,
    table: name,
    key: 'id',
    immutableKey: true,
    set: { changed: sql`changed + 1` },
    pace: { maxRows: 10, restSeconds: 5 }, // one batch a slice, and no test waits for a rest
    rebuilds,
  });
export const first = probe('first', ['rebuild']);
export const second = probe('second');
export const third = probe('third', ['report', 'rebuild']);

/** Makes their tables anew, and forgets all runs. */
export async function fill(engine: TestEngine): Promise<void> {
  await engine.forget();
  for (const table of ['first', 'second', 'third']) {
    await engine.database.query(`DROP TABLE IF EXISTS ${table}`);
    await engine.database.query(
      `CREATE TABLE ${table} (id integer PRIMARY KEY, changed integer NOT NULL DEFAULT 0)`,
    );
    await engine.database.query(`INSERT INTO ${table} SELECT n FROM generate_series(1, ${rows}) AS n`);
  }
}

export const run = (name: string, redrives = 0) => caller(name, redrives);
export const open = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'open',
  run: run(name, redrives),
  input: {},
});
export const ask = (
  operation: 'pending' | 'batches',
  name: string,
  migration: string,
  redrives = 0,
): MigrateRequest => ({
  operation,
  run: run(name, redrives),
  migration,
});
export const close = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'close',
  run: run(name, redrives),
});
export const fail = (name: string, redrives = 0): MigrateRequest => ({
  operation: 'fail',
  run: run(name, redrives),
  error: 'Boom',
  cause: 'because',
  last_try: false,
});

/** An execution that has come so far. */
export async function running(
  engine: TestEngine,
  name: string,
  process: LambdaProcess,
  redrives = 0,
): Promise<void> {
  engine.executions.set(run(name).execution_arn, 'RUNNING');
  await process.invoke(open(name, redrives));
}

/** All slices of a migration. */
export async function batches(
  name: string,
  migration: string,
  process: LambdaProcess,
  redrives = 0,
): Promise<void> {
  while (((await process.invoke(ask('batches', name, migration, redrives))) as Slice).state === 'more') {}
}

export const changes = (engine: TestEngine, table: string) =>
  engine.database.query(`SELECT changed, count(*)::int AS rows FROM ${table} GROUP BY 1 ORDER BY 1`);
export const everyRowOnce = [{ changed: 1, rows }];
export const statusOf = async (engine: TestEngine, name: string) => {
  const lines = await engine.ledger<{ execution_arn: string; status: string }>('runs');
  return lines.find(({ execution_arn }) => execution_arn === run(name).execution_arn)?.status;
};
