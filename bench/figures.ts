import type { Latency } from './application.ts';
import { median } from './chain.ts';
import { far } from './place.ts';
import type { Round, Sizes } from './rounds.ts';

/** One figure of the table. */
export interface Figure {
  readonly name: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: string;
  /** As `>= 0.95`; null for what only helps to read the others. */
  readonly target: string | null;
  readonly met: boolean | null;
  /** What each round measured. */
  readonly runs: readonly number[];
}

/**
 * What rounds come to, against the targets, and beside each what it is to be read against: limits and noise.
 *
 * @param processors How many this machine has.
 */
export function figuresOf(
  rounds: readonly Round[],
  { rows, small, documents }: Sizes,
  processors: number,
): readonly Figure[] {
  const figure = (
    name: string,
    of: (round: Round) => number,
    unit: string,
    comparison?: '>=' | '<=',
    target = 0,
  ): Figure => {
    const runs = rounds.map(of);
    const value = median(runs);
    const met = comparison === '>=' ? value >= target : value <= target;
    return comparison === undefined
      ? { name, value, unit, target: null, met: null, runs }
      : { name, value, unit, target: `${comparison} ${target}`, met, runs };
  };
  const n = (value: number) => value.toLocaleString('en');
  const felt = (name: string, of: (felt: Round['felt']) => Latency): readonly Figure[] => [
    figure(`application's p99, ${name}`, (round) => of(round.felt).p99, 'ms'),
    figure('its worst', (round) => of(round.felt).worst, 'ms'),
  ];
  return [
    figure(
      `backfill of ${n(rows)} rows, against one single UPDATE`,
      (round) => round.single / round.backfill.seconds,
      '×',
      '>=',
      0.95,
    ),
    figure(
      'limit: batches of that size in plain SQL, no Data API',
      ({ single, plain }) => single / plain,
      '×',
    ),
    figure(
      'limit: the same, looking at each changed row again',
      (round) => round.single / round.plainLookingAgain,
      '×',
    ),
    figure(
      'backfill in two lanes, against one single UPDATE',
      (round) => round.single / round.backfillInTwoLanes.seconds,
      '×',
      '>=',
      1.25,
    ),
    figure(
      'limit: two connections with batches in plain SQL, looking again',
      ({ single, plainInTwo }) => single / plainInTwo,
      '×',
    ),
    figure(
      'limit: its processor time, if all processors did nothing else',
      (round) => (round.single * processors) / round.backfillInTwoLanes.processorSeconds,
      '×',
    ),
    figure(
      `rate of the backfill's batches with ${far} ms a call, against 0 ms`,
      (round) => round.backfill.batchSeconds / round.backfillFromFar.batchSeconds,
      '×',
      '>=',
      0.9,
    ),
    figure(
      `rewrite of ${n(documents)} rows, against a hand-written loop`,
      (round) => round.loop / round.rewrite.seconds,
      '×',
      '>=',
      1.5,
    ),
    figure(
      'limit: its processor time, if all processors did nothing else',
      ({ loop, rewrite }) => (loop * processors) / rewrite.processorSeconds,
      '×',
    ),
    figure('the same, two lanes', (round) => round.loop / round.rewriteInTwoLanes.seconds, '×', '>=', 2.2),
    figure('limit: two such loops at once', ({ loop, loopInTwo }) => loop / loopInTwo, '×'),
    figure(
      `rate of the rewrite's batches with ${far} ms a call, against 0 ms`,
      (round) => round.rewrite.batchSeconds / round.rewriteFromFar.batchSeconds,
      '×',
      '>=',
      0.9,
    ),
    ...felt('nothing runs: the noise', ({ nothing }) => nothing),
    ...felt('updates in batches of 5,000', ({ updates }) => updates),
    ...felt('backfill', ({ backfill }) => backfill),
    figure(
      "application's p99 during the backfill, against updates in batches of 5,000",
      ({ felt }) => felt.backfill.p99 / felt.updates.p99,
      '×',
      '<=',
      2,
    ),
    figure('its worst', ({ felt }) => felt.backfill.worst / felt.updates.worst, '×', '<=', 4),
    figure(
      'limit: p99 during batches of that size in plain SQL',
      ({ felt }) => felt.plain.p99 / felt.updates.p99,
      '×',
    ),
    figure(
      "application's p99 during the rewrite, against the hand-written loop",
      ({ felt }) => felt.rewrite.p99 / felt.loop.p99,
      '×',
      '<=',
      2,
    ),
    figure('limit: during two such loops', ({ felt }) => felt.loopInTwo.p99 / felt.loop.p99, '×'),
    figure('longest that a batch held locks', ({ longestLock }) => longestLock, 's', '<=', 0.2),
    figure("rows of the backfill's batches, on average", ({ batchRows }) => batchRows, ''),
    figure(
      `peak memory, ${n(rows)} rows against as many in runs of ${n(small)}`,
      ({ backfill, backfillsOfFew }) =>
        backfill.peakMemoryBytes / Math.max(...backfillsOfFew.map(({ peakMemoryBytes }) => peakMemoryBytes)),
      '×',
      '<=',
      1.05,
    ),
    figure(
      `rows/s, ${n(rows)} rows against ${n(small)}`,
      ({ backfill, backfillsOfFew }) =>
        rows / backfill.seconds / (small / median(backfillsOfFew.map(({ seconds }) => seconds))),
      '×',
      '>=',
      0.9,
    ),
    figure(
      'state transitions per 1,000,000 rows',
      (round) => (round.backfill.transitions * 1_000_000) / rows,
      '',
      '<=',
      20,
    ),
    figure(
      'more of them for a lane',
      (round) => ((round.rewriteInTwoLanes.transitions - round.rewrite.transitions) * 1_000_000) / rows,
      '',
      '<=',
      10,
    ),
    figure(
      `pending? of a finished migration, ${n(rows)} rows against 1,000`,
      (round) => round.pending / round.pendingOfFew,
      '×',
      '<=',
      3,
    ),
    figure('rows/s of one single UPDATE', ({ single }) => rows / single, ''),
    figure('rows/s of the backfill', ({ backfill }) => rows / backfill.seconds, ''),
    figure('rows/s of the rewrite', ({ rewrite }) => documents / rewrite.seconds, ''),
    figure('rows/s of the hand-written loop', ({ loop }) => documents / loop, ''),
    figure('peak memory of the backfill', ({ backfill }) => backfill.peakMemoryBytes / 2 ** 20, 'MiB'),
  ];
}
