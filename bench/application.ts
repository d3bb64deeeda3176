import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What the application does meanwhile: single rows are updated, at fixed times. */
export interface Load {
  readonly connection: pg.ClientConfig;
  readonly table: string;
  /** The key of a row, as an SQL expression over `n`, a number from 1 on. */
  readonly key: string;
  readonly rows: number;
  /** A column that nobody else changes. */
  readonly column: string;
}

/** How long the application waited for its answers, in ms. */
export interface Latency {
  readonly p99: number;
  readonly worst: number;
  /** Each of them, in the order of their times. */
  readonly waits: readonly Wait[];
}

/** What the application waited for one answer. */
export interface Wait {
  /** When it was to be asked, in seconds since the beginning. */
  readonly at: number;
  readonly ms: number;
}

const perSecond = 400;

/** Runs `work` while the application updates rows, in a process of its own; what it felt of it. */
export async function besideApplication(load: Load, work: () => Promise<unknown>): Promise<Latency> {
  const application = fork(new URL(import.meta.url), { execArgv: ['--import', 'tsx'] });
  // Should it die, nobody waits for its word.
  const died = once(application, 'exit').then(([code]) => {
    throw new Error(`the application beside the migration ended with ${code} and said nothing`);
  });
  died.catch(() => undefined);
  const word = async () => (await Promise.race([once(application, 'message'), died]))[0];
  application.send(load);
  await word(); // it is connected
  application.send('begin');
  await work();
  application.send('end');
  return (await word()) as Latency;
}

/**
 * Sends an update at each of its times, whatever became of those before, and counts from that time: who waits for one answer before
 * the next question does not see how long the others would have waited.
 */
async function application({ connection, table, key, rows, column }: Load): Promise<void> {
  const pool = new pg.Pool({ ...connection, max: 60 });
  const text = `UPDATE ${table} SET ${column} = ${column} WHERE id = (SELECT ${key} FROM (SELECT $1::bigint AS n) AS row)`;
  // All connections are there before, and each has run it once.
  await Promise.all(Array.from({ length: 60 }, () => pool.query(text, [0])));
  let ended = false;
  const begun = new Promise<void>((resolve) => {
    process.on('message', (what) => {
      ended = what === 'end';
      resolve();
    });
  });
  process.send?.('ready');
  await begun;

  const waits: Wait[] = [];
  const underWay = new Set<Promise<unknown>>();
  const beginning = performance.now();
  for (let due = beginning; !ended; due += 1_000 / perSecond) {
    await sleep(Math.max(0, due - performance.now()));
    const at = due;
    const row = 1 + Math.floor(Math.random() * rows);
    const update = pool.query(text, [row]).then(() => {
      waits.push({ at: (at - beginning) / 1_000, ms: performance.now() - at });
      underWay.delete(update);
    });
    underWay.add(update);
  }
  await Promise.all(underWay);
  await pool.end();
  const sorted = waits.map(({ ms }) => ms).sort((a, b) => a - b);
  const latency: Latency = {
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    worst: sorted.at(-1) ?? Number.NaN,
    waits: waits.toSorted((a, b) => a.at - b.at),
  };
  // A long message is still on its way when `send` returns, and would be lost with the channel.
  process.send?.(latency, undefined, undefined, () => process.disconnect());
}

if (process.send !== undefined) {
  const [load] = await once(process, 'message');
  await application(load as Load);
}
