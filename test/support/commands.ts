import { PassThrough } from 'node:stream';
import { ioOf } from '../../cli/command/io.ts';
import { operate } from '../../cli/operate.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import type { Exit } from '../cli/command.ts';
import type { TestRuntime } from './runtime.ts';

/** The operators' commands in this process, at a system that is thought to be in AWS. */
export interface Commands {
  /** Runs one, with the migrations of a checkout; `input` is what it reads on stdin. */
  run(args: readonly string[], checkout: readonly Migration[], input?: string): Promise<Exit>;
  /** This process finds the system no more. */
  close(): void;
}

/** The SDK finds the system by its own variables, and nothing says --local. */
export function commandsAt({ clientEnvironment }: Pick<TestRuntime, 'clientEnvironment'>): Commands {
  const before = { ...process.env };
  Object.assign(process.env, clientEnvironment);
  return {
    async run(args, checkout, input = '') {
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
    close() {
      for (const name of Object.keys(clientEnvironment)) {
        delete process.env[name];
      }
      Object.assign(process.env, before);
    },
  };
}
