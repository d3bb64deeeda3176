import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MigrateOperation, Slice } from '../../../functions/contract.ts';
import { backfill } from '../../../functions/engine/batch/backfill.ts';
import { rewrite } from '../../../functions/engine/batch/rewrite.ts';
import { sql } from '../../../functions/engine/database/sql.ts';
import type { Migration, RowOptions } from '../../../functions/engine/define/migration.ts';
import type { RowMigration } from '../../../functions/engine/define/registered.ts';
import { ledgerScript } from '../../../functions/engine/ledger/schema.ts';
import {
  type Call,
  type LambdaProcess,
  type RunOptions,
  startEngine,
  type TestEngine,
} from '../../support/engine.ts';
import type { Fault } from '../../support/fault-proxy.ts';

// Each test runs the migration some dozen times.
vi.setConfig({ testTimeout: 240_000 });

const rows = 35;
const options = { name: 'probe', table: 'probes', key: 'id', immutableKey: true };
const inOneLane = { pace: { maxRows: 15 } };
const inLanes = { pace: { maxRows: 2 }, lanes: 4 };

// No `where`: nothing in the rows tells a second change from the first. Only the ledger can.
const backfilled = (more: Partial<RowOptions>) =>
  backfill({ ...options, ...more, set: { changed: sql`changed + 1` } });
const rewritten = (more: Partial<RowOptions>) =>
  rewrite<{ changed: number }>({
    ...options,
    ...more,
    columns: ['changed'],
    transform: ({ changed }) => ({ changed: changed + 1 }),
  });

const probes: Record<string, Migration> = {
  backfill: backfilled(inOneLane),
  rewrite: rewritten(inOneLane),
  'backfill by four lanes': backfilled(inLanes),
  'rewrite by four lanes': rewritten(inLanes),
};

/** What goes wrong at one call, and what the SDK does about it. */
interface Trouble extends RunOptions {
  readonly at: (call: Call, release: Promise<void>) => Fault | Promise<Fault>;
  /** Every so many calls; all of them by default. */
  readonly step?: number;
  /** The process is of no use any more. */
  readonly ends?: true;
  /** When a zombie that is held up wakes. */
  readonly until?: 'next answer' | 'end of the migration' | 'end of the run';
}

const troubles: Record<string, Trouble> = {
  'is refused': { step: 3, attempts: 1, at: () => 'refuse' },
  'loses its answer': { attempts: 1, at: () => 'lose-answer' },
  'loses its answer and is sent again by the SDK': { step: 2, at: () => 'lose-answer' },
  'arrives twice at once': { at: ({ inTransaction }) => (inTransaction ? 'pass' : 'duplicate') },
  'is never sent, its process killed': {
    step: 3,
    ends: true,
    at: ({ process }) => {
      process.kill();
      return 'refuse';
    },
  },
  'is the last of a process killed after it': {
    step: 2,
    ends: true,
    attempts: 1,
    at: ({ process }) => {
      process.kill();
      return 'lose-answer';
    },
  },
  'comes from a zombie after the next invocation': {
    ends: true,
    until: 'next answer',
    at: holdUp,
  },
  'comes from a zombie after the migration has finished': {
    ends: true,
    until: 'end of the migration',
    at: holdUp,
  },
  'comes from a zombie after the run': {
    ends: true,
    until: 'end of the run',
    at: holdUp,
  },
};

async function holdUp({ process }: Call, release: Promise<void>): Promise<Fault> {
  process.abandon();
  await release;
  return 'pass';
}

let engine: TestEngine;

beforeAll(async () => {
  // The transaction of a killed process dies soon, so that nobody waits minutes for its locks.
  engine = await startEngine({ transactionIdleSeconds: 0.1 });
  await engine.database.query('CREATE TABLE probes (id integer PRIMARY KEY, changed integer NOT NULL)');
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());
beforeEach(() => engine.forget());

describe.each(Object.entries(probes))('Promises 1 and 2, a %s that adds 1', (_, probe) => {
  it.each(Object.entries(troubles))('changes every row exactly once when any call %s', async (_, trouble) => {
    let process = engine.process([probe], trouble);
    const calls = await callsOf(probe, process);

    for (const [i, number] of calls.entries()) {
      if (i % (hasLanes(probe) ? 1 : (trouble.step ?? 1)) !== 0) {
        continue;
      }
      await engine.forget();
      await refill();
      const what = await runWithTroubleAt(number, probe, { ...trouble, process });
      await expectEveryRowChangedOnce(what);
      if (trouble.ends) {
        process = engine.process([probe], trouble);
      }
      if (trouble.until === undefined) {
        continue;
      }
      engine.between = () => 'pass';
      expect(await engine.run([probe], { process }), what).toEqual({ probe: 'skipped' });
      await expectEveryRowChangedOnce(what);
    }
  });
});

const hasLanes = (probe: Migration) => (probe as RowMigration).lanes === 4;

/**
 * The numbers of the calls of a run without trouble that are to have some: of a rewrite those in which it is not like a backfill; and of lanes,
 * which send the same statements again and again, the first of each that has to do with their ranges.
 */
async function callsOf(probe: Migration, process: LambdaProcess): Promise<number[]> {
  await refill();
  const marks: Partial<Record<MigrateOperation, number>> = {};
  const after: RunOptions['after'] = ({ operation }) => {
    marks[operation] = engine.statements.length;
  };
  await engine.run([probe], { process, after });
  await expectEveryRowChangedOnce('without trouble');
  const { pending = 0, batches = 0, close = 0 } = marks;
  expect([pending > 8, batches > pending + 6, close > batches + 2]).toEqual([true, true, true]);
  const inRanges = engine.statements.filter((statement) => statement.includes('"walked#"')).length;
  expect(inRanges > 12).toBe(hasLanes(probe));
  if (hasLanes(probe)) {
    const sent = engine.statements.slice(0, close);
    const kinds = [...new Set(sent.filter((statement) => statement.includes('ranges')))];
    return kinds.map((statement) => sent.indexOf(statement) + 1);
  }
  const [first, last] = probe.kind === 'backfill' ? [1, close] : [pending + 1, batches];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Runs the probe with one call in trouble; says which. */
async function runWithTroubleAt(number: number, probe: Migration, trouble: Trouble): Promise<string> {
  let count = 0;
  let statement = 'none';
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.between = (call) => {
    count += 1;
    if (count !== number) {
      return 'pass';
    }
    statement = call.sql.trim().replace(/\s+/g, ' ');
    return trouble.at(call, released);
  };
  const after: RunOptions['after'] = async (_, answer) => {
    const finished = (answer as Slice).state === 'done';
    if (count <= number || trouble.until === undefined || trouble.until === 'end of the run') {
      return;
    }
    if (trouble.until === 'end of the migration' && !finished) {
      return;
    }
    release();
    if (finished) {
      await engine.settled();
    }
  };
  const result = await engine.run([probe], { ...trouble, after });
  release();
  if (trouble.until !== undefined) {
    await engine.settled();
  }
  const what = `call ${number}: ${statement.slice(0, 300)}`;
  expect(result.probe, what).toMatchObject({ total_processed: rows, total_updated: rows, errors: 0 });
  return what;
}

async function refill(): Promise<void> {
  await engine.database.query('DELETE FROM probes');
  await engine.database.query('INSERT INTO probes SELECT n, 0 FROM generate_series(1, $1::int) AS n', [rows]);
}

async function expectEveryRowChangedOnce(when: string): Promise<void> {
  const changes = await engine.database.query(
    'SELECT changed, count(*)::int AS rows FROM probes GROUP BY changed ORDER BY changed',
  );
  expect(changes, when).toEqual([{ changed: 1, rows }]);
  // Of what is walked a second time by its ranges, none may be left.
  expect(await engine.ledger('ranges'), when).toEqual([]);
}
