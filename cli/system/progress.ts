import type { Line } from './ledger.ts';
import type { State, Status } from './status.ts';

/** How far one migration is. */
export interface Progress {
  readonly name: string;
  readonly kind: Status['kind'];
  readonly state: State;
  readonly rows_done: number;
  /** Null before it has run: nobody has counted. */
  readonly rows_known: number | null;
  /** 100 only once it is finished. */
  readonly percent: number | null;
  /** Of the slice under way, or else of all its working time. */
  readonly rows_per_second: number | null;
  readonly ends_at: string | null;
  /** By when it has to be done; null where nobody said. */
  readonly must_end_at: string | null;
  /** Whether it ends later than that. */
  readonly late: boolean;
  readonly resting: { readonly until: string; readonly reason: string } | null;
  /** Rows put back, and rows left as they are because they were changed since; null unless it is or was restored. */
  readonly restore: { readonly restored: number; readonly left: number; readonly because: string } | null;
  readonly errors: number;
}

/** What the ledger says of a migration's progress, at a moment on the database's clock. */
export function progressOf({ name, kind, state, line }: Status, now: string): Progress {
  const done = line?.total_processed ?? 0;
  const known = line && Math.max(line.rows_known, done);
  const rate = line && rateOf(line, state, Date.parse(now));
  return {
    name,
    kind,
    state,
    rows_done: done,
    rows_known: known ?? null,
    percent: line && known !== undefined ? percent(line, known) : null,
    rows_per_second: rate === undefined ? null : Math.round(rate * 10) / 10,
    ends_at: line && known !== undefined ? endOf(line, state, known, rate, Date.parse(now)) : null,
    must_end_at: line?.schedule?.must_end_at ?? null,
    late: isLate(line, Date.parse(now)),
    resting: (state === 'resting' && line?.resting) || null,
    restore: restoreOf(line),
    errors: line?.errors ?? 0,
  };
}

function restoreOf(line: Line | undefined): Progress['restore'] {
  if (!line?.restore || (line.status !== 'restoring' && line.status !== 'restored')) {
    return null;
  }
  const { restored, left, because } = line.restore;
  return { restored, left, because };
}

/** With one decimal, rounded down, and below 100 until all that comes after the last row is done too. */
function percent({ status, total_processed: done }: Line, known: number): number {
  if (status === 'finished') {
    return 100;
  }
  if (status === 'restored') {
    return 0; // its rows are what they were before
  }
  if (known === 0) {
    return 0;
  }
  return Math.min(Math.floor((done / known) * 1000) / 10, 99.9);
}

const active: readonly State[] = ['running', 'resting'];

function rateOf(line: Line, state: State, now: number): number | undefined {
  if (!active.includes(state)) {
    return undefined;
  }
  const { total_processed: done, slice_started_at: since, slice_processed: before = 0 } = line;
  const seconds = since ? (now - Date.parse(since)) / 1000 : 0;
  // Under a second says little.
  if (seconds >= 1 && done > before) {
    return (done - before) / seconds;
  }
  return line.duration_seconds > 0 && done > 0 ? done / line.duration_seconds : undefined;
}

function endOf(
  line: Line,
  state: State,
  known: number,
  rate: number | undefined,
  now: number,
): string | null {
  if (!active.includes(state)) {
    return null;
  }
  if (line.schedule) {
    return line.schedule.ends_at;
  }
  if (rate === undefined) {
    return null;
  }
  const from = Math.max(now, line.resting ? Date.parse(line.resting.until) : 0);
  return new Date(from + ((known - line.total_processed) / rate) * 1000).toISOString();
}

function isLate(line: Line | undefined, now: number): boolean {
  if (!line?.schedule) {
    return false;
  }
  const { must_end_at, late_seconds } = line.schedule;
  if (line.status === 'finished') {
    return Date.parse(line.finished_at ?? must_end_at) > Date.parse(must_end_at);
  }
  return late_seconds > 0 || now > Date.parse(must_end_at);
}
