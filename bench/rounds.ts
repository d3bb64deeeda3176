import { setTimeout as sleep } from 'node:timers/promises';
import { besideApplication, type Latency, type Load } from './application.ts';
import { handWrittenLoop, singleUpdate, updatesInBatches } from './baselines.ts';
import { type ChainRun, pendingSeconds, runMachine } from './chain.ts';
import { handWrittenLoopInTwo, plainBatches, plainBatchesInTwo } from './limits.ts';
import type { Place } from './place.ts';
import { addMarker, makeDocuments, makePeople } from './tables.ts';

/** How many rows the tables have. */
export interface Sizes {
  readonly rows: number;
  /** A table with a tenth of them. */
  readonly small: number;
  readonly documents: number;
}

/** What one round measured. Numbers without another unit are seconds. */
export interface Round {
  readonly single: number;
  readonly backfill: ChainRun;
  readonly longestLock: number;
  /** Rows of a batch of that backfill, on average. */
  readonly batchRows: number;
  readonly plain: number;
  readonly plainLookingAgain: number;
  readonly plainInTwo: number;
  /** As many of the small table as are the large one's rows together: the longer somebody looks, the higher a peak he may see. */
  readonly backfillsOfFew: readonly ChainRun[];
  readonly backfillInTwoLanes: ChainRun;
  readonly backfillFromFar: ChainRun;
  readonly loop: number;
  readonly loopInTwo: number;
  readonly rewrite: ChainRun;
  readonly rewriteInTwoLanes: ChainRun;
  readonly rewriteFromFar: ChainRun;
  readonly felt: Readonly<
    Record<'nothing' | 'backfill' | 'updates' | 'plain' | 'rewrite' | 'loop' | 'loopInTwo', Latency>
  >;
  /** What `pending?` takes of a finished migration. */
  readonly pending: number;
  readonly pendingOfFew: number;
}

/** Measures each once, those that are compared one after another: what changes on the machine meanwhile changes both. */
export async function measureRound(place: Place, { rows, small, documents }: Sizes): Promise<Round> {
  const { client, second, near, far, empty } = place;
  const ofBaseline = async (make: () => Promise<void>, work: () => Promise<void>) => {
    await make();
    const seconds = await timed(work);
    await client.query('DROP TABLE baseline');
    return seconds;
  };
  const run = async (make: () => Promise<void>, runtime = near, lanes?: number) => {
    await empty();
    await make();
    return runMachine(runtime, lanes === undefined ? {} : { lanes });
  };
  const people = () => makePeople(client, 'bench_people', rows);
  const inDocuments = () => makeDocuments(client, 'bench_documents', documents);
  const baseline = () => makePeople(client, 'baseline', rows);
  const baselineDocuments = async () => {
    await makeDocuments(client, 'baseline', documents);
    await addMarker(client, 'baseline');
  };

  const single = await ofBaseline(baseline, () => singleUpdate(client, 'baseline'));
  const backfillsOfFew: ChainRun[] = [];
  for (let done = 0; done < rows; done += small) {
    backfillsOfFew.push(await run(() => makePeople(client, 'bench_people', small)));
  }
  await place.longestLock();
  const backfill = await run(people);
  const longestLock = await place.longestLock();
  const pending = await pendingSeconds(near, 'bench-people');
  const batchRows = await rowsOfBatch(place);
  const plain = (looksAgain: boolean) =>
    ofBaseline(baseline, () => plainBatches(client, { table: 'baseline', size: batchRows, looksAgain }));
  const [withoutLook, withLook] = [await plain(false), await plain(true)];
  const backfillInTwoLanes = await run(people, near, 2);
  const plainInTwo = await ofBaseline(baseline, () =>
    plainBatchesInTwo([client, second], rows, { table: 'baseline', size: batchRows, looksAgain: true }),
  );
  const backfillFromFar = await run(people, far);

  const loop = await ofBaseline(baselineDocuments, () => handWrittenLoop(client, 'baseline'));
  const rewrite = await run(inDocuments);
  const rewriteInTwoLanes = await run(inDocuments, near, 2);
  const loopInTwo = await ofBaseline(baselineDocuments, () =>
    handWrittenLoopInTwo([client, second], 'baseline'),
  );
  const rewriteFromFar = await run(inDocuments, far);

  const felt = await feltIn(place, { rows, documents }, batchRows);
  await run(() => makePeople(client, 'bench_people', 1_000));
  const pendingOfFew = await pendingSeconds(near, 'bench-people');
  return {
    single,
    backfill,
    longestLock,
    batchRows,
    plain: withoutLook,
    plainLookingAgain: withLook,
    plainInTwo,
    backfillsOfFew,
    backfillInTwoLanes,
    backfillFromFar,
    loop,
    loopInTwo,
    rewrite,
    rewriteInTwoLanes,
    rewriteFromFar,
    felt,
    pending,
    pendingOfFew,
  };
}

/** What the application feels: of nothing, of the migrations, and of what they are compared with. */
async function feltIn(
  { connection, client, second, near, empty }: Place,
  { rows, documents }: Omit<Sizes, 'small'>,
  batchRows: number,
): Promise<Round['felt']> {
  const people = (table: string): Load => peopleOf(connection, table, rows);
  const inDocuments = (table: string): Load => ({
    connection,
    table,
    key: "'cfg_' || lpad(n::text, 8, '0')",
    rows: documents,
    column: 'organisation_id',
  });
  await empty();
  await makePeople(client, 'bench_people', rows);
  const nothing = await besideApplication(people('bench_people'), () => sleep(3_000));
  const backfill = await besideApplication(people('bench_people'), () => runMachine(near));
  const besidePlain = async (work: () => Promise<void>) => {
    await makePeople(client, 'baseline', rows);
    return besideApplication(people('baseline'), work);
  };
  const updates = await besidePlain(() => updatesInBatches(client, 'baseline', rows));
  const plain = await besidePlain(() =>
    plainBatches(client, { table: 'baseline', size: batchRows, looksAgain: true }),
  );
  await makeDocuments(client, 'bench_documents', documents);
  const rewrite = await besideApplication(inDocuments('bench_documents'), () => runMachine(near));
  const besideLoop = async (work: () => Promise<void>) => {
    await makeDocuments(client, 'baseline', documents);
    await addMarker(client, 'baseline');
    return besideApplication(inDocuments('baseline'), work);
  };
  const loop = await besideLoop(() => handWrittenLoop(client, 'baseline'));
  const loopInTwo = await besideLoop(() => handWrittenLoopInTwo([client, second], 'baseline'));
  await client.query('DROP TABLE baseline');
  return { nothing, backfill, updates, plain, rewrite, loop, loopInTwo };
}

/** What the application does with people. */
export function peopleOf(connection: Load['connection'], table: string, rows: number): Load {
  return { connection, table, key: 'n', rows, column: 'email' };
}

async function rowsOfBatch({ client }: Place): Promise<number> {
  const { rows } = await client.query<{ size: number }>(
    `SELECT ceil(total_processed::float8 / batches)::int AS size FROM data_migrations.migrations WHERE name = 'bench-people'`,
  );
  return rows[0]?.size ?? Number.NaN;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}
