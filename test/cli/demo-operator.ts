import { PassThrough } from 'node:stream';
import { ioOf } from '../../cli/command/io.ts';
import { operate } from '../../cli/operate.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
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
  const before = { ...process.env };
  Object.assign(process.env, runtime.clientEnvironment);
  return {
    runtime,
    async does(args, { input = '', checkout = migrations } = {}) {
      const [stdin, out, err] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const said = { stdout: '', stderr: '' };
      out.on('data', (chunk) => {
        said.stdout += chunk;
      });
      err.on('data', (chunk) => {
        said.stderr += chunk;
      });
      stdin.end(input);
      const streams = { stdin, stdout: out, stderr: err, env: process.env };
      return { code: await operate(ioOf(streams as unknown as NodeJS.Process), args, checkout), ...said };
    },
    async begin() {
      await runtime.reset();
      await prepareDemo({ connectionString: runtime.database.url }, true);
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
