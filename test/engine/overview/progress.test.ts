import { describe, expect, test } from 'vitest';
import { progressOf } from '../../../functions/engine/overview/progress.ts';
import type { Line } from '../../../functions/engine/overview/read-ledger.ts';
import type { State } from '../../../functions/engine/overview/status.ts';

const now = '2026-11-22T12:00:00+00:00';

/** A migration that has done 600 of 1,000 rows, 100 of them in the slice of the last ten seconds. */
function progress(line: Partial<Line> = {}, state: State = 'running') {
  const whole: Line = {
    name: 'labels',
    status: 'running',
    run: 'r',
    total_processed: 600,
    total_updated: 600,
    rows_known: 1_000,
    duration_seconds: 300,
    started_at: '2026-11-22T11:00:00+00:00',
    finished_at: null,
    slice_started_at: '2026-11-22T11:59:50+00:00',
    slice_processed: 500,
    errors: 0,
    ...line,
  };
  return progressOf(
    {
      name: 'labels',
      kind: 'backfill',
      registered: true,
      state,
      line: whole,
      waiting: undefined,
      controls: undefined,
    },
    now,
  );
}

describe('the percent of a migration', () => {
  test.each([
    [{}, 60],
    [{ total_processed: 999 }, 99.9],
    [{ total_processed: 1_000 }, 99.9], // what comes after the last row is still to be done
    [{ total_processed: 5_000 }, 99.9], // more rows than were known
    [{ total_processed: 0, rows_known: 0 }, 0],
    [{ status: 'finished', total_processed: 900 }, 100], // rows were deleted meanwhile
    [{ status: 'finished', total_processed: 0, rows_known: 0 }, 100],
  ] satisfies [Partial<Line>, number][])('with %j is %d', (line, percent) => {
    expect(progress(line).percent).toBe(percent);
  });
});

describe('the rate and the expected end', () => {
  test('are those of the slice', () => {
    expect(progress()).toMatchObject({ rows_per_second: 10, ends_at: '2026-11-22T12:00:40.000Z' });
  });

  test.each([
    ['the slice has only begun', { slice_started_at: now }],
    ['it has not done a row', { slice_processed: 600 }],
    ['the ledger knows no slices', { slice_started_at: null, slice_processed: 0 }],
  ])('are those of the whole run while %s', (_, line) => {
    expect(progress(line)).toMatchObject({ rows_per_second: 2, ends_at: '2026-11-22T12:03:20.000Z' });
  });

  test('come after the rest', () => {
    const resting = { until: '2026-11-22T22:00:00+00:00', reason: 'outside the maintenance window' };
    expect(progress({ resting }, 'resting')).toMatchObject({ resting, ends_at: '2026-11-22T22:00:40.000Z' });
  });

  test.each(['stopped', 'failed', 'finished'] as const)('are not made up for one that is %s', (state) => {
    expect(progress({}, state)).toMatchObject({ rows_per_second: null, ends_at: null });
  });
});

describe('of a plan', () => {
  const schedule = {
    must_end_at: '2026-11-22T13:00:00Z',
    ends_at: '2026-11-22T12:50:00Z',
    late_seconds: 0,
  };

  test('the end is the plan’s, and it is in time', () => {
    const { ends_at, must_end_at } = schedule;
    expect(progress({ schedule })).toMatchObject({ ends_at, must_end_at, late: false });
  });

  test.each([
    ['it will miss its end', { schedule: { ...schedule, late_seconds: 60 } }],
    ['its end is over', { schedule: { ...schedule, must_end_at: '2026-11-22T11:59:59Z' } }],
    ['it finished after it', { schedule, status: 'finished', finished_at: '2026-11-22T13:00:01Z' }],
  ] satisfies [string, Partial<Line>][])('it is late when %s', (_, line) => {
    expect(progress(line).late).toBe(true);
  });

  test('without one nothing is late', () => {
    expect(progress({ schedule: null })).toMatchObject({ must_end_at: null, late: false });
  });
});
