import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Done } from './draw/series.ts';

// A look takes a fraction of a millisecond.
const betweenLooks = 50;

/**
 * How many rows of a table one single statement has changed when: nobody sees its rows before it has ended, but the file with their new
 * versions grows, evenly for rows that are alike.
 *
 * @param work The statement, which changes all of so many rows.
 */
export async function watchingGrowth(
  connection: pg.ClientConfig,
  { table, rows }: { readonly table: string; readonly rows: number },
  work: () => Promise<unknown>,
): Promise<readonly Done[]> {
  const client = new pg.Client(connection);
  await client.connect();
  const size = async () => {
    const found = await client.query<{ bytes: number }>(
      `SELECT pg_relation_size('${table}')::float8 AS bytes`,
    );
    return found.rows[0]?.bytes ?? Number.NaN;
  };
  const looks = [{ bytes: await size(), seconds: 0 }];
  const begun = performance.now();
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  try {
    while (!isOver) {
      await Promise.race([sleep(betweenLooks), working]);
      looks.push({ bytes: await size(), seconds: (performance.now() - begun) / 1_000 });
    }
  } finally {
    await client.end();
  }
  const [first, last] = [looks[0]?.bytes ?? 0, looks.at(-1)?.bytes ?? 0];
  return looks.map(({ bytes, seconds }) => ({
    rows: last > first ? (rows * (bytes - first)) / (last - first) : 0,
    seconds,
  }));
}
