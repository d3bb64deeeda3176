import type { Migration } from '../../functions/engine/define/migration.ts';
import { commandsAt } from '../support/commands.ts';
import { migrations, prepareDemo } from '../support/demo.ts';
import { startTestRuntime, type TestRuntime, type TestRuntimeOptions } from '../support/runtime.ts';
import type { Exit } from './command.ts';

/** An operator at the demo application, with the migrations that are registered. */
export interface DemoOperator {
  readonly runtime: TestRuntime;
  /** Runs a command in this process; `input` is what it reads on stdin. */
  does(args: readonly string[], options?: { input?: string; checkout?: readonly Migration[] }): Promise<Exit>;
  /** Makes the demo's data anew, without a ledger. */
  begin(): Promise<void>;
  close(): Promise<void>;
}

export async function demoOperator(options: Pick<TestRuntimeOptions, 'context'> = {}): Promise<DemoOperator> {
  const runtime = await startTestRuntime(options);
  await runtime.database.query(`ALTER DATABASE ${runtime.database.name} SET search_path = demo, public`);
  const commands = commandsAt(runtime);
  return {
    runtime,
    does: (args, { input, checkout = migrations } = {}) => commands.run(args, checkout, input),
    async begin() {
      await runtime.reset();
      await prepareDemo({ connectionString: runtime.database.url }, true);
    },
    async close() {
      commands.close();
      await runtime.close();
    },
  };
}
