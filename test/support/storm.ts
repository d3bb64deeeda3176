import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/**
 * A row of a table that is stormed, by its columns. Beside its own it has `id`, the key; `born`, a number that stays with the row when
 * its key changes; and `writes`, how often the application has written it.
 */
export type Row = Readonly<Record<string, unknown>> & {
  readonly id: number;
  readonly born: number;
  readonly writes: number;
};

/** What the application does to a table. */
export interface StormOptions {
  readonly url: string;
  readonly table: string;
  /** Keys reach from 1 to about here. */
  readonly lastKey: number;
  /** What an update may do beside counting itself: the assignments of one of these. */
  readonly updates: readonly (readonly string[])[];
  /** Rows get other keys, too. */
  readonly movesKeys: boolean;
  /** Columns that come while it blows, with what they are in the rows that were written before. */
  readonly added?: Readonly<Record<string, unknown>>;
  /** Where a migration is at work: every other write goes there. */
  readonly near: () => number;
  readonly seed: number;
}

/** An application that writes a table at random, over several connections, and knows what it has written. */
export interface Storm {
  /** Each row as each committed write left it, by `born`. */
  readonly written: ReadonlyMap<number, readonly Row[]>;
  /** Each row that was deleted, as it was then, by `born`. */
  readonly deleted: ReadonlyMap<number, Row>;
  /** Counts rows as written that the test has made itself. */
  record(rows: readonly Row[]): void;
  begin(): void;
  /** Lets each connection come to the end of what it does. */
  end(): Promise<void>;
}

const connections = 2;

/** Where the rows go that the application deletes, so that a snapshot has all that ever were. */
export const graves = 'CREATE TABLE graves (was_in text NOT NULL, row jsonb NOT NULL)';

/** Whole numbers from 0, below a limit, by chance: the same for the same seed. */
export type Random = (limit: number) => number;

export function seeded(seed: number): Random {
  let state = seed;
  return (limit) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** Makes a storm, which does not blow yet. */
export function storm(options: StormOptions): Storm {
  const written = new Map<number, Row[]>();
  const deleted = new Map<number, Row>();
  const record = (writes: readonly Write[]) => {
    for (const { row, is_deleted } of writes) {
      const whole = { ...options.added, ...row };
      if (is_deleted) {
        deleted.set(row.born, whole);
      } else {
        written.set(row.born, [...(written.get(row.born) ?? []), whole]);
      }
    }
  };
  let seed = options.seed;
  let isOver = false;
  let writers: Promise<void>[] = [];
  return {
    written,
    deleted,
    record: (rows) => record(rows.map((row) => ({ row, is_deleted: false }))),
    begin() {
      isOver = false;
      writers = Array.from({ length: connections }, () => {
        seed += 1;
        return blow(options, seeded(seed), () => isOver, record);
      });
    },
    async end() {
      isOver = true;
      await Promise.all(writers);
    },
  };
}

/** A row after it was written, or before it was deleted. */
interface Write {
  readonly row: Row;
  readonly is_deleted: boolean;
}

/** One connection. */
async function blow(
  options: StormOptions,
  random: Random,
  isOver: () => boolean,
  record: (writes: readonly Write[]) => void,
): Promise<void> {
  const client = new pg.Client({ connectionString: options.url });
  await client.connect();
  const write = async () => {
    const { sql, values } = statement(options, random);
    return (await client.query<Write>(sql, [...values])).rows;
  };
  while (!isOver()) {
    record(await unlessRefused(client, () => (random(3) > 0 ? write() : together(client, random, write))));
    await sleep(random(8));
  }
  await client.end();
}

/** A transaction of some writes, which may take its time, and may be rolled back. */
async function together(
  client: pg.Client,
  random: Random,
  write: () => Promise<readonly Write[]>,
): Promise<readonly Write[]> {
  const writes: Write[] = [];
  await client.query('BEGIN');
  for (let left = 1 + random(3); left > 0; left -= 1) {
    writes.push(...(await write()));
  }
  await sleep(random(4) === 0 ? random(40) : 0);
  const isCommitted = random(4) > 0;
  await client.query(isCommitted ? 'COMMIT' : 'ROLLBACK');
  return isCommitted ? writes : [];
}

// A deadlock, a key that is taken, a CHECK.
const refusals = ['40P01', '23505', '23514'];

/** Where the database refuses a write, the application knows, and nothing was written. */
async function unlessRefused(
  client: pg.Client,
  work: () => Promise<readonly Write[]>,
): Promise<readonly Write[]> {
  try {
    return await work();
  } catch (error) {
    if (!refusals.includes(String((error as { code?: string }).code))) {
      throw error;
    }
    await client.query('ROLLBACK');
    return [];
  }
}

/** An insert, a delete, another key for a row, or, mostly, an update of some rows. Answers with the rows. */
function statement(
  { table, lastKey, updates, movesKeys, near }: StormOptions,
  random: Random,
): { readonly sql: string; readonly values: readonly number[] } {
  const anywhere = () => Math.max(1, random(2) === 0 ? random(lastKey + 100) : near() - 500 + random(3_000));
  const next = `id = (SELECT id FROM ${table} WHERE id >= $1 ORDER BY id LIMIT 1)`;
  const returning = `RETURNING to_jsonb(${table}) AS row, false AS is_deleted`;
  switch (random(movesKeys ? 12 : 11)) {
    case 0:
      return {
        sql: `INSERT INTO ${table} (id) VALUES ($1) ON CONFLICT DO NOTHING ${returning}`,
        values: [anywhere()],
      };
    case 1:
      return {
        sql: `WITH gone AS (DELETE FROM ${table} WHERE ${next} ${returning}),
          buried AS (INSERT INTO graves SELECT '${table}', row FROM gone)
          SELECT row, true AS is_deleted FROM gone`,
        values: [anywhere()],
      };
    case 11:
      return {
        sql: `UPDATE ${table} SET writes = writes + 1, id = $2 WHERE ${next} ${returning}`,
        values: [anywhere(), anywhere()],
      };
    default: {
      const set = ['writes = writes + 1', ...(updates[random(updates.length)] ?? [])].join(', ');
      return {
        sql: `UPDATE ${table} SET ${set} WHERE id BETWEEN $1 AND $1 + $2 ${returning}`,
        values: [anywhere(), random(40)],
      };
    }
  }
}
