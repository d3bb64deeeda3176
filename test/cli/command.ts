import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How a command ended. */
export interface Exit {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of the project in a process of its own, as npm starts it. */
export interface Command {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Waits until it has said something on stdout or stderr. Throws if it ends before. */
  said(what: RegExp): Promise<RegExpMatchArray>;
}

export interface CommandOptions {
  /** What to run, seen from `cwd`: `cli/bin.js` by default. */
  readonly script?: string;
  /** A folder of the project, or the path of another one. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function command(args: readonly string[], options: CommandOptions = {}): Command {
  const { script = 'cli/bin.js', cwd = '.', env = {} } = options;
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [script, ...args], {
    cwd: resolve(root, cwd),
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    process: child,
    exited,
    async said(what) {
      for (;;) {
        const found = what.exec(stdout) ?? what.exec(stderr);
        if (found) {
          return found;
        }
        if (child.exitCode !== null) {
          throw new Error(`it ended without saying ${what}:\n${stdout}\n${stderr}`);
        }
        await sleep(20);
      }
    },
  };
}
