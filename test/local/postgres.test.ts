import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockDatabase } from '../../local/postgres/database-lock.ts';
import { type Postgres, startPostgres } from '../../local/postgres.ts';
import { freshDatabase } from '../support/database.ts';

test('a fresh database is empty, and can be cloned', async () => {
  const origin = await freshDatabase({ name: 'origin' });
  await origin.query('CREATE TABLE things (name text)');
  await origin.query('INSERT INTO things VALUES ($1)', ['first']);
  await origin.pool.end();

  const clone = await freshDatabase({ name: 'clone', template: origin.name });
  expect(await clone.query('SELECT name FROM things')).toEqual([{ name: 'first' }]);
  await clone.drop();
});

test('a database is locked by one process at a time', async () => {
  const database = await freshDatabase({ name: 'locked' });
  const lock = await lockDatabase({ connectionString: database.url });
  await expect(lockDatabase({ connectionString: database.url })).rejects.toThrow(`process ${process.pid}`);
  await lock.release();
  await (await lockDatabase({ connectionString: database.url })).release();
  await database.drop();
});

describe('an embedded PostgreSQL', () => {
  const made: string[] = [];
  const started: Postgres[] = [];
  let wanted: string;

  beforeAll(async () => {
    // Longer than any socket's path may be (107 bytes), as a checkout's path can be.
    const temporary = await mkdtemp(join(tmpdir(), 'embedded-'));
    made.push(temporary);
    wanted = join(temporary, 'long-'.repeat(30), 'folder');
  });
  afterAll(async () => {
    for (const postgres of started) {
      await postgres.stop();
    }
    for (const folder of made) {
      await rm(folder, { recursive: true, force: true });
    }
  });

  const start = async (): Promise<Postgres> => {
    const postgres = await startPostgres({ folder: wanted, fsync: false });
    started.push(postgres);
    made.push(postgres.folder, postgres.connection.host);
    return postgres;
  };

  test('keeps what was written, and starts again', async () => {
    const first = await start();
    await write(first, 'first');
    await first.stop();
    const second = await start();
    expect(await written(second)).toEqual(['first']);
    await second.stop();
  });

  test('has one owner at a time, whom a second start names', async () => {
    const owner = await holder(wanted);
    await expect(start()).rejects.toThrow(`in use by another local runtime (process ${owner.pid})`);
    owner.child.kill('SIGTERM');
    await owner.exited;
    await (await start()).stop();
  });

  test('goes on when only its owner was killed', async () => {
    const owner = await holder(wanted);
    owner.child.kill('SIGKILL');
    await owner.exited;
    const adopted = await start();
    expect(await postmaster(adopted)).toBe(owner.postmaster);
    await write(adopted, 'adopted');
    await adopted.stop();
  });

  test('recovers when everything was killed', async () => {
    const owner = await holder(wanted);
    const backends = await withClient(owner.url, async (client) => {
      await client.query(`INSERT INTO written VALUES ('before the crash')`);
      return (await client.query<{ pid: number }>('SELECT pid FROM pg_stat_activity')).rows.map(
        ({ pid }) => pid,
      );
    });
    for (const pid of [owner.pid, owner.postmaster, ...backends]) {
      if (isAlive(pid)) {
        process.kill(pid, 'SIGKILL');
      }
    }
    const recovered = await start();
    expect(await written(recovered)).toContain('before the crash');
    await recovered.stop();
  });

  test('starts although its old process id belongs to another process now', async () => {
    const before = await start();
    await before.stop();
    const lines = [
      process.pid,
      join(before.folder, 'data-17'),
      1,
      5432,
      before.connection.host,
      '',
      '1 1',
      'ready',
    ];
    await writeFile(join(before.folder, 'data-17', 'postmaster.pid'), `${lines.join('\n')}\n`);
    const after = await start();
    expect(await written(after)).toContain('first');
    await after.stop();
  });

  test('goes with a process that ends without stopping it, and does not keep it', async () => {
    const { exited, postmaster } = await holder(wanted, 'end');
    expect(await exited).toEqual([0, null]);
    await expect.poll(() => isAlive(postmaster), { timeout: 10_000 }).toBe(false);
  });

  test('that cannot start says why', async () => {
    const working = await start();
    await working.stop();
    const settings = join(working.folder, 'data-17', 'postgresql.auto.conf');
    const before = await readFile(settings);
    await appendFile(settings, 'no_such_setting = 1\n');
    await expect(start()).rejects.toThrow(
      /PostgreSQL does not start[\s\S]*unrecognized configuration parameter/,
    );
    await writeFile(settings, before);
    await (await start()).stop();
  });
});

interface Holder {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;
  readonly pid: number;
  readonly url: string;
  readonly postmaster: number;
}

/** Another process that owns a PostgreSQL, and then stays or ends. */
async function holder(folder: string, then: 'stay' | 'end' = 'stay'): Promise<Holder> {
  const script = `
    import { readFileSync } from 'node:fs';
    import { startPostgres } from ${JSON.stringify(resolve('local/postgres.ts'))};
    const postgres = await startPostgres({ folder: ${JSON.stringify(folder)}, fsync: false });
    const postmaster = Number(readFileSync(postgres.folder + '/data-17/postmaster.pid', 'utf8').split('\\n')[0]);
    console.log(JSON.stringify({ url: postgres.url, postmaster }));
    if (${then === 'stay'}) {
      setInterval(() => {}, 1000);
      process.once('SIGTERM', () => postgres.stop().then(() => process.exit()));
    }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const failed = exited.then(() => Promise.reject(new Error('it ended before it had a PostgreSQL')));
  const [line] = await Promise.race([once(child.stdout, 'data'), failed]);
  return { child, exited, pid: child.pid ?? 0, ...JSON.parse(String(line)) };
}

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const write = ({ url }: Postgres, what: string) =>
  withClient(url, async (client) => {
    await client.query('CREATE TABLE IF NOT EXISTS written (what text)');
    await client.query('INSERT INTO written VALUES ($1)', [what]);
  });

const written = ({ url }: Postgres) =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ what: string }>('SELECT what FROM written');
    return rows.map(({ what }) => what);
  });

async function postmaster({ folder }: Postgres): Promise<number> {
  return Number((await readFile(join(folder, 'data-17', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
