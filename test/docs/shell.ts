import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What somebody saw who typed a command. */
export interface Seen {
  readonly code: number | null;
  readonly stdout: string;
  /** Stdout and stderr as they came, and `^C` where it was pressed. */
  readonly all: string;
}

export interface TypedOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Presses Ctrl-C once what was said so far is enough, or after a minute and a half, when whoever compares will say what was missing. */
  readonly until?: (all: string) => boolean;
}

/** What a page has somebody type ends within seconds; what has not ended by then, nobody would wait for, and it is killed. */
const patienceMs = 150_000;

/** Types commands into a bash, in the project's folder; several of them stop at the first that fails. */
export async function typed(commands: string, { env, until }: TypedOptions): Promise<Seen> {
  const { PATH, HOME } = process.env;
  const child = spawn('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: root,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, for Ctrl-C
  });
  const seen = { stdout: '', all: '' };
  child.stdout.on('data', (chunk) => {
    seen.stdout += chunk;
    seen.all += chunk;
  });
  child.stderr.on('data', (chunk) => {
    seen.all += chunk;
  });
  const press = (signal: 'SIGINT' | 'SIGKILL') => void process.kill(-(child.pid as number), signal);
  const tooLong = setTimeout(() => press('SIGKILL'), patienceMs);
  const ended = new Promise<Seen>((resolve) => {
    child.once('close', (code) => {
      clearTimeout(tooLong);
      resolve({ code, ...seen });
    });
  });
  if (until !== undefined) {
    for (const end = Date.now() + 90_000; !until(seen.all) && Date.now() < end && child.exitCode === null; ) {
      await sleep(50);
    }
    if (child.exitCode === null) {
      seen.all += '^C\n';
      press('SIGINT');
    }
  }
  return ended;
}
