import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Counters, ResultMap, RunInput } from '../../functions/contract.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import type { RowError } from '../../functions/engine/ledger/row-errors.ts';
import { fitOf, ledgerVersion } from '../../functions/engine/ledger/schema.ts';
import { allRowErrors, compareKeys } from '../../functions/engine/overview/all-row-errors.ts';
import { type Verified, type VerifyOptions, verify } from '../../functions/engine/trial/verify.ts';
import type { LocalApplication } from '../application.ts';
import { onSearchPath } from '../database.ts';
import { startRuntime } from '../runtime.ts';
import { runtimeClients } from './clients.ts';
import { testDatabase } from './database.ts';
import { run } from './run.ts';

/** Where a test system runs, and who listens. */
export interface TestSystemOptions {
  /**
   * The URL of a PostgreSQL in which the test makes a database of its own and drops it at the end, `postgresql://…`. Default: the variable
   * TEST_DATABASE_URL, or else an embedded PostgreSQL, which takes two seconds more to start.
   */
  readonly server?: string;
  /** What the Lambdas write, line by line. Default: nobody listens. */
  readonly log?: (line: string) => void;
}

/** What came of a migration that ran, without the time it took; or that it had nothing to do. */
export type Outcome = 'skipped' | Omit<Counters, 'duration_seconds'>;

/** An application's whole stack on this machine: its machines and Lambdas as they are deployed, on a PostgreSQL of the test's own. */
export interface TestSystem {
  /** The test's database, for the application's own code: `postgresql://…`. */
  readonly url: string;
  /**
   * Runs one statement on the database, past the migrations, and returns its rows.
   *
   * @param values The values of `$1`, `$2` ….
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /**
   * Runs the migrations, waits for the run's end, and returns its result map.
   *
   * @param input Default: `{ mode: 'foreground' }`, without rests and maintenance windows.
   * @throws RunFailed for a run that does not succeed, with the error and cause of its execution.
   */
  run(input?: RunInput): Promise<ResultMap>;
  /**
   * Runs one migration, and returns what came of it: the same whenever the test runs, since the time it took is left out. What it `requires` has to
   * have run before.
   *
   * @throws RunFailed as `run` does.
   */
  migrate(migration: Migration): Promise<Outcome>;
  /** The rows that a migration could not migrate, in the order of their keys, each with its key as text and the reason. */
  errors(migration: Migration): Promise<RowError[]>;
  /**
   * Runs a migration several times on a scratch copy of its table, which is rolled back, and compares what each run leaves.
   *
   * @throws MigrationFailed for a migration of tables, which has no rows to compare.
   */
  verify(migration: Migration, options?: VerifyOptions): Promise<Verified>;
  /** Stops all of it and drops the database. */
  stop(): Promise<void>;
}

/**
 * Starts the stack of an application for a test, on a database that its `prepare` has made. It takes some seconds: share one in a file.
 *
 * @example
 * const system = await startTestSystem(shop);
 * after(() => system.stop());
 * test('orders have their total in cents', async () => {
 *   const result = await system.run();
 *   assert.deepEqual(result['orders-total-cents'], …);
 * });
 */
export async function startTestSystem(
  application: LocalApplication,
  { server = process.env.TEST_DATABASE_URL || undefined, log }: TestSystemOptions = {},
): Promise<TestSystem> {
  // The SDK would tell every test that its versions from 2027 on want Node 22; the Lambdas have that already.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const folder = await mkdtemp(join(tmpdir(), 'data-migrations-'));
  const database = await testDatabase(server, folder);
  const undo = async () => {
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { url } = database;
    await application.prepare?.({ url, fresh: false, isEmbedded: true });
    const connection = onSearchPath({ connectionString: url }, application.searchPath);
    const runtime = await startRuntime({
      application,
      connection,
      outdir: join(folder, 'cdk.out'),
      // What the machines wait for in a test is short: a second of it takes 50 ms.
      secondMs: 50,
      ...(log && { log }),
    });
    const clients = runtimeClients(runtime);
    const pool = new pg.Pool({ ...connection, max: 2 });
    const runs = (input: RunInput) => run(clients.sfn, runtime.migrationsMachineArn, input);
    return {
      url,
      query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
      run: (input = { mode: 'foreground' }) => runs(input),
      migrate: async ({ name }) => outcomeOf(name, await runs({ mode: 'foreground', only: name })),
      async errors({ name }) {
        const hasRun = fitOf(await ledgerVersion(clients.database)) !== 'none';
        const found = hasRun ? await allRowErrors(clients.database, name) : [];
        return found.map(({ key, reason, sqlstate }) => ({ key, reason, sqlstate })).sort(compareKeys);
      },
      verify: (migration, options) => verify(clients.database, migration, options),
      async stop() {
        clients.close();
        await pool.end();
        await runtime.close();
        await undo();
      },
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

function outcomeOf(name: string, { [name]: result }: ResultMap): Outcome {
  if (result === 'skipped') {
    return result;
  }
  // In the foreground it ran to its end: nobody pauses a test's migration.
  const { duration_seconds: _, ...outcome } = result as Counters;
  return outcome;
}
