import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `npx migrations local` in a process of its own. */
export interface LocalSession {
  /** Stops it as Ctrl-C does, and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts it for the project of a folder, and waits until commands with `--local` find it.
 *
 * @param modules The folder of node_modules in which the package is installed.
 */
export async function startLocalSession(folder: string, modules: string): Promise<LocalSession> {
  const { PATH, HOME } = process.env;
  // Not by npx, which would get the signal in its place.
  const bin = join(modules, 'serverless-data-migrations/cli/bin.js');
  const local = spawn(process.execPath, [bin, 'local'], {
    cwd: folder,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => local.once('close', () => resolve()));
  let said = '';
  for (const stream of [local.stdout, local.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  while (!said.includes('Ctrl-C ends all of it')) {
    if (local.exitCode !== null) {
      throw new Error(`npx migrations local ended with ${local.exitCode}:\n${said}`);
    }
    await sleep(50);
  }
  return {
    async stop() {
      local.kill('SIGINT');
      await ended;
    },
  };
}
