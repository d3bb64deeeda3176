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
  /** Begins one that goes on for a while; on a terminal, if so said, it draws bars. */
  begin(args: readonly string[], checkout: readonly Migration[], options?: BeginOptions): Begun;
  /** This process finds the system no more. */
  close(): void;
}

export interface BeginOptions {
  readonly input?: string;
  readonly terminal?: boolean;
}

/** A command that goes on. */
export interface Begun {
  /** What it has said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly exited: Promise<Exit>;
}

/** The SDK finds the system by its own variables, and nothing says --local. */
export function commandsAt({ clientEnvironment }: Pick<TestRuntime, 'clientEnvironment'>): Commands {
  const before = { ...process.env };
  Object.assign(process.env, clientEnvironment);
  return {
    run: (args, checkout, input = '') => begin(args, checkout, { input }).exited,
    begin,
    close() {
      for (const name of Object.keys(clientEnvironment)) {
        delete process.env[name];
      }
      Object.assign(process.env, before);
    },
  };
}

const begin: Commands['begin'] = (args, checkout, { input = '', terminal = false } = {}) => {
  const [stdin, out] = [new PassThrough(), new PassThrough()];
  const err = Object.assign(new PassThrough(), terminal && { isTTY: true, columns: 200, rows: 24 });
  const said = { stdout: '', stderr: '' };
  out.on('data', (chunk) => {
    said.stdout += chunk;
  });
  err.on('data', (chunk) => {
    said.stderr += chunk;
  });
  stdin.end(input);
  const streams = { stdin, stdout: out, stderr: err, env: process.env };
  const code = operate(ioOf(streams as unknown as NodeJS.Process), args, async () => checkout);
  return { said, exited: code.then((ended) => ({ code: ended, ...said })) };
};
