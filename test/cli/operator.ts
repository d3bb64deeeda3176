import type { Migration } from '../../functions/engine/define/migration.ts';
import { type Begun, commandsAt } from '../support/commands.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';
import type { Exit } from './command.ts';
import { registered } from './fixtures/migrations.ts';

/** An operator at a system that is thought to be in AWS. */
export interface Operator {
  readonly runtime: TestRuntime;
  /** Runs a command in this process, with the migrations of this checkout. */
  does(...args: string[]): Promise<Exit>;
  /** The same, of another checkout. */
  doesWith(checkout: readonly Migration[], ...args: string[]): Promise<Exit>;
  /** Begins a command that goes on for a while; on a terminal, if so said, it draws bars. */
  begins(args: readonly string[], options?: { readonly terminal?: boolean }): Begun;
  /** Makes the products anew, without a ledger. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

export interface OperatorOptions {
  /** A file in test/cli/fixtures that exports the `migrate` handler. */
  readonly fixture?: string;
  /** The migrations of this checkout, the same ones. */
  readonly checkout?: readonly Migration[];
}

/** Slices until a run goes on in another execution: fewer than the labels take. */
const slicesPerExecution = 5;

export async function operator(options: OperatorOptions = {}): Promise<Operator> {
  const { fixture = 'handler', checkout: ours = registered } = options;
  const runtime = await startTestRuntime({
    fixture: `../../cli/fixtures/${fixture}`,
    environment: { SLICES_PER_EXECUTION: String(slicesPerExecution) },
  });
  const commands = commandsAt(runtime);
  const doesWith: Operator['doesWith'] = (checkout, ...args) => commands.run(args, checkout);
  return {
    runtime,
    doesWith,
    does: (...args) => doesWith(ours, ...args),
    begins: (args, terminal) => commands.begin(args, ours, terminal),
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
      commands.close();
      await runtime.close();
    },
  };
}
