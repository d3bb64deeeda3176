import { PassThrough } from 'node:stream';
import { ioOf } from '../../cli/command/io.ts';
import { operate } from '../../cli/operate.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import type { Exit } from './command.ts';
import { registered } from './fixtures/migrations.ts';

/** An operator at a system that is thought to be in AWS: the SDK finds it by its own variables, and nothing says --local. */
export interface Operator {
  readonly runtime: TestRuntime;
  /** Runs a command in this process, with the migrations of this checkout. */
  does(...args: string[]): Promise<Exit>;
  /** The same, of another checkout. */
  doesWith(checkout: readonly Migration[], ...args: string[]): Promise<Exit>;
  /** Makes the products anew, without a ledger. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

/** Slices until a run goes on in another execution: fewer than the labels take. */
const slicesPerExecution = 5;

export async function operator(): Promise<Operator> {
  const runtime = await startTestRuntime({
    fixture: '../../cli/fixtures/handler',
    environment: { SLICES_PER_EXECUTION: String(slicesPerExecution) },
  });
  const before = { ...process.env };
  Object.assign(process.env, runtime.clientEnvironment);
  const doesWith: Operator['doesWith'] = async (checkout, ...args) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const said = { out: '', err: '' };
    out.on('data', (chunk) => {
      said.out += chunk;
    });
    err.on('data', (chunk) => {
      said.err += chunk;
    });
    const streams = { stdin: new PassThrough(), stdout: out, stderr: err, env: process.env };
    const code = await operate(ioOf(streams as unknown as NodeJS.Process), args, checkout);
    return { code, stdout: said.out, stderr: said.err };
  };
  return {
    runtime,
    doesWith,
    does: (...args) => doesWith(registered, ...args),
    async begin() {
      await runtime.reset();
      await runtime.database.query('DROP SCHEMA IF EXISTS data_migrations CASCADE');
      await runtime.database.query('DROP TABLE IF EXISTS products');
      await runtime.database.query(`
        CREATE TABLE products (id int PRIMARY KEY, price_text text NOT NULL, price numeric, label text NOT NULL)`);
      await runtime.database.query(`
        INSERT INTO products
        SELECT i, CASE WHEN i IN (7, 50) THEN E'\\tcheap' ELSE i::text END, NULL, 'old' FROM generate_series(1, 60) AS i`);
    },
    async close() {
      for (const name of Object.keys(runtime.clientEnvironment)) {
        delete process.env[name];
      }
      Object.assign(process.env, before);
      await runtime.close();
    },
  };
}
