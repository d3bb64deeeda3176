import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import pg from 'pg';
import { startPostgres } from '../local/postgres.ts';
import { type Runtime, startRuntime } from '../local/runtime.ts';
import { besideApplication, type Latency, type Load } from './application.ts';
import { handWrittenLoop, singleUpdate, updatesInBatches } from './baselines.ts';
import { median, pendingSeconds, runMachine } from './chain.ts';
import { migrations } from './migrations.ts';
import { slowWay } from './slow-way.ts';
import { addMarker, makeDocuments, makePeople } from './tables.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const { rows, rounds, json } = new Command('npm run bench --')
  .description('measures the engine against the obvious alternatives, on this machine, in one run')
  .option('--rows <n>', 'rows of the large backfill; the other tables scale with it', wholeNumber, 1_000_000)
  .option('--rounds <n>', 'how often each is measured; the median counts', atLeastOne, 3)
  .option('--json', 'print the figures as JSON', false)
  .parse()
  .opts<{ rows: number; rounds: number; json: boolean }>();

/** One figure of the table. */
interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean;
  readonly runs: readonly number[];
}

const small = Math.ceil(rows / 10);
const documents = Math.min(Math.ceil(rows / 5), 200_000);
/** How much longer a call is under way where the Data API is far, in ms. */
const far = 30;
const say = (text: string) => process.stderr.write(`${text}\n`);

const folder = await mkdtemp(join(tmpdir(), 'bench-'));
const postgres = await startPostgres({ folder });
const client = new pg.Client(postgres.connection);
await client.connect();
let longestLock = 0;
const start = (name: string, environment: Record<string, string> = {}) =>
  startRuntime({
    connection: postgres.connection,
    outdir: join(folder, name),
    application: {
      migrations,
      handler: fileURLToPath(new URL('handler.ts', import.meta.url)),
      followUps: () => ({}),
    },
    environment,
    log: (line) => {
      const [, seconds] = /"longestLock":([\d.e-]+)/.exec(line) ?? [];
      longestLock = Math.max(longestLock, Number(seconds ?? 0));
    },
  });
const runtime = await start('near');
const way = await slowWay(() => farRuntime.rdsData.url, far);
const farRuntime: Runtime = await start('far', { AWS_ENDPOINT_URL_RDS_DATA: way.url });
try {
  const figures = await measure();
  if (json) {
    process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  } else {
    print(figures);
  }
} finally {
  await runtime.close();
  await farRuntime.close();
  way.close();
  await client.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
  await rm(postgres.folder, { recursive: true, force: true });
}

async function measure(): Promise<Figure[]> {
  const update: number[] = [];
  const large: number[] = [];
  const little: number[] = [];
  const memoryLarge: number[] = [];
  const memorySmall: number[] = [];
  const transitions: number[] = [];
  const loop: number[] = [];
  const rewrite: number[] = [];
  const locks: number[] = [];
  const felt: Record<'quiet' | 'backfill' | 'updates' | 'rewrite' | 'loop', Latency[]> = {
    quiet: [],
    backfill: [],
    updates: [],
    rewrite: [],
    loop: [],
  };
  const twoLanes: number[] = [];
  const rewriteTwoLanes: number[] = [];
  const transitionsOfLane: number[] = [];
  const farBackfill: number[] = [];
  const farRewrite: number[] = [];
  const pendingLarge: number[] = [];
  const pendingSmall: number[] = [];

  await empty();
  await runMachine(runtime); // creates the ledger, and warms the function up
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    await makePeople(client, 'baseline', rows);
    update.push(await timed(() => singleUpdate(client, 'baseline')));
    await client.query('DROP TABLE baseline');

    await empty();
    await makePeople(client, 'bench_people', small);
    const smallRun = await runMachine(runtime);
    little.push(smallRun.seconds);
    memorySmall.push(smallRun.peakMemoryBytes);

    await empty();
    await makePeople(client, 'bench_people', rows);
    longestLock = 0;
    const largeRun = await runMachine(runtime);
    large.push(largeRun.seconds);
    memoryLarge.push(largeRun.peakMemoryBytes);
    transitions.push((largeRun.transitions * 1_000_000) / rows);
    pendingLarge.push(await pendingSeconds(runtime, 'bench-people'));

    locks.push(longestLock);

    await empty();
    await makePeople(client, 'bench_people', rows);
    twoLanes.push((await runMachine(runtime, { lanes: 2 })).seconds);

    await empty();
    await makePeople(client, 'bench_people', rows);
    farBackfill.push(largeRun.batchSeconds / (await runMachine(farRuntime)).batchSeconds);

    await makeDocuments(client, 'baseline', documents);
    await addMarker(client, 'baseline');
    loop.push(await timed(() => handWrittenLoop(client, 'baseline')));
    await client.query('DROP TABLE baseline');

    await empty();
    await makeDocuments(client, 'bench_documents', documents);
    const rewritten = await runMachine(runtime);
    rewrite.push(rewritten.seconds);

    await empty();
    await makeDocuments(client, 'bench_documents', documents);
    const inLanes = await runMachine(runtime, { lanes: 2 });
    rewriteTwoLanes.push(inLanes.seconds);
    transitionsOfLane.push(((inLanes.transitions - rewritten.transitions) * 1_000_000) / rows);

    await empty();
    await makeDocuments(client, 'bench_documents', documents);
    farRewrite.push(rewritten.batchSeconds / (await runMachine(farRuntime)).batchSeconds);

    await empty();
    await makePeople(client, 'bench_people', rows);
    felt.quiet.push(await besideApplication(people('bench_people'), () => sleep(3_000)));
    felt.backfill.push(await besideApplication(people('bench_people'), () => runMachine(runtime)));
    await makePeople(client, 'baseline', rows);
    felt.updates.push(
      await besideApplication(people('baseline'), () => updatesInBatches(client, 'baseline', rows)),
    );
    await makeDocuments(client, 'bench_documents', documents);
    felt.rewrite.push(await besideApplication(documentsIn('bench_documents'), () => runMachine(runtime)));
    await makeDocuments(client, 'baseline', documents);
    await addMarker(client, 'baseline');
    felt.loop.push(
      await besideApplication(documentsIn('baseline'), () => handWrittenLoop(client, 'baseline')),
    );
    await client.query('DROP TABLE baseline');

    await empty();
    await makePeople(client, 'bench_people', 1_000);
    await runMachine(runtime);
    pendingSmall.push(await pendingSeconds(runtime, 'bench-people'));
  }

  const n = (value: number) => value.toLocaleString('en');
  const ratio = (above: readonly number[], below: readonly number[]) =>
    above.map((value, i) => value / (below[i] as number));
  const p99 = (latencies: readonly Latency[]) => latencies.map((each) => each.p99);
  const worst = (latencies: readonly Latency[]) => latencies.map((each) => each.worst);
  const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  const perSecond = (count: number, seconds: readonly number[]) => seconds.map((s) => count / s);
  say(
    `rows/s: backfill ${n(Math.round(rows / median(large)))}, single UPDATE ${n(Math.round(rows / median(update)))}, ` +
      `rewrite ${n(Math.round(documents / median(rewrite)))}, loop ${n(Math.round(documents / median(loop)))}; ` +
      `peak memory ${mb(median(memoryLarge))} against ${mb(median(memorySmall))}`,
  );
  const ms = (latencies: readonly Latency[]) =>
    `${median(p99(latencies)).toFixed(1)} (${median(worst(latencies)).toFixed(0)})`;
  say(
    `application's p99 (worst) in ms: nothing runs ${ms(felt.quiet)}, backfill ${ms(felt.backfill)}, updates in batches ` +
      `${ms(felt.updates)}, rewrite ${ms(felt.rewrite)}, loop ${ms(felt.loop)}`,
  );
  return [
    figure(`backfill of ${n(rows)} rows, against one single UPDATE`, ratio(update, large), '×', '>=', 0.95),
    figure('the same, two lanes', ratio(update, twoLanes), '×', '>=', 1.25),
    figure(`rate of the backfill's batches with ${far} ms a call, against 0 ms`, farBackfill, '×', '>=', 0.9),
    figure(
      `rewrite of ${n(documents)} rows, against a hand-written loop`,
      ratio(loop, rewrite),
      '×',
      '>=',
      1.5,
    ),
    figure('the same, two lanes', ratio(loop, rewriteTwoLanes), '×', '>=', 2.2),
    figure(`rate of the rewrite's batches with ${far} ms a call, against 0 ms`, farRewrite, '×', '>=', 0.9),
    figure(
      "application's p99 during the backfill, against updates in batches of 5,000",
      ratio(p99(felt.backfill), p99(felt.updates)),
      '×',
      '<=',
      2,
    ),
    figure('its worst', ratio(worst(felt.backfill), worst(felt.updates)), '×', '<=', 4),
    figure(
      "application's p99 during the rewrite, against the hand-written loop",
      ratio(p99(felt.rewrite), p99(felt.loop)),
      '×',
      '<=',
      2,
    ),
    figure('longest that a batch held locks', locks, 's', '<=', 0.2),
    figure(
      `peak memory, ${n(rows)} rows against ${n(small)}`,
      ratio(memoryLarge, memorySmall),
      '×',
      '<=',
      1.05,
    ),
    figure(
      `rows/s, ${n(rows)} rows against ${n(small)}`,
      ratio(perSecond(rows, large), perSecond(small, little)),
      '×',
      '>=',
      0.9,
    ),
    figure('state transitions per 1,000,000 rows', transitions, '', '<=', 20),
    figure('more of them for a lane', transitionsOfLane, '', '<=', 10),
    figure(
      `pending? of a finished migration, ${n(rows)} rows against 1,000`,
      ratio(pendingLarge, pendingSmall),
      '×',
      '<=',
      3,
    ),
  ];
}

/** What the application does with people, and with documents. */
function people(table: string): Load {
  return { connection: postgres.connection, table, key: 'n', rows, column: 'email' };
}

function documentsIn(table: string): Load {
  const key = "'cfg_' || lpad(n::text, 8, '0')";
  return { connection: postgres.connection, table, key, rows: documents, column: 'organisation_id' };
}

/** Both tables without a row, and a ledger that knows nothing. */
async function empty(): Promise<void> {
  await makePeople(client, 'bench_people', 0);
  await makeDocuments(client, 'bench_documents', 0);
  const { rows: found } = await client.query(`SELECT to_regclass('data_migrations.migrations') AS ledger`);
  if (found[0].ledger !== null) {
    await client.query('TRUNCATE data_migrations.migrations, data_migrations.runs CASCADE');
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

function figure(
  name: string,
  runs: readonly number[],
  unit: string,
  comparison: '>=' | '<=',
  target: number,
): Figure {
  const value = median(runs);
  const met = comparison === '>=' ? value >= target : value <= target;
  return { name, value, unit, target: `${comparison} ${target}`, met, runs };
}

function print(figures: readonly Figure[]): void {
  const cells = figures.map(({ name, value, unit, target, met, runs }) => [
    name,
    `${value.toFixed(2)} ${unit}`.trim(),
    target,
    met ? 'met' : 'missed',
    runs.map((run) => run.toFixed(2)).join(' '),
  ]);
  const head = ['what', 'median', 'target', '', `${rounds} runs`];
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  for (const row of [head, ...cells]) {
    process.stdout.write(
      `${row
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number, at least 1.');
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 10_000) {
    return value;
  }
  throw new InvalidArgumentError('It must be a whole number, at least 10000.');
}
