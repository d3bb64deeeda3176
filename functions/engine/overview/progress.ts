import type { Pause, Tuning } from '../ledger/controls.ts';
import { expectedEnd, percentDone, rowsPerSecond } from '../lifecycle/how-far.ts';
import type { Line } from './read-ledger.ts';
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
  /** What it waits for before it begins or goes on in the background. */
  readonly waiting: { readonly until: string; readonly reason: string } | null;
  readonly paused: Pause | null;
  readonly tuned: Tuning | null;
  /** Rows put back, and rows left as they are because they were changed since; null unless it is or was restored. */
  readonly restore: { readonly restored: number; readonly left: number; readonly because: string } | null;
  readonly errors: number;
}

/** What the ledger says of a migration's progress, at a moment on the database's clock. */
export function progressOf(status: Status, now: string): Progress {
  const { name, kind, state, line, waiting, controls } = status;
  const isActive = active.includes(state);
  const rate = line && isActive ? rowsPerSecond(line, Date.parse(now)) : undefined;
  return {
    name,
    kind,
    state,
    rows_done: line?.total_processed ?? 0,
    rows_known: line ? Math.max(line.rows_known, line.total_processed) : null,
    percent: line ? percentDone(line) : null,
    rows_per_second: rate === undefined ? null : Math.round(rate * 10) / 10,
    ends_at: (line && isActive && expectedEnd(line, Date.parse(now))) || null,
    must_end_at: line?.schedule?.must_end_at ?? null,
    late: isLate(line, Date.parse(now)),
    resting: (state === 'resting' && line?.resting) || null,
    waiting: state === 'waiting' && waiting ? { until: waiting.until, reason: waiting.reason } : null,
    paused: controls?.paused ?? null,
    tuned: controls?.tuned ?? null,
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

const active: readonly State[] = ['running', 'resting'];

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
