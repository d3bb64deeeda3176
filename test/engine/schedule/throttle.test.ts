import { describe, expect, it } from 'vitest';
import {
  deadlineProblem,
  planThrottle,
  restAfter,
  rowsLeft,
  type ThrottleInput,
} from '../../../functions/engine/schedule/throttle.ts';

const hour = 3_600;
const night = { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' };
const noon = Date.parse('2026-07-01T10:00Z'); // in Berlin

describe('The plan of a migration that has its time', () => {
  const situation: ThrottleInput = {
    rowsLeft: 1_000_000,
    looksAgain: false,
    secondsPerRow: 0.001,
    batchRows: 500,
    now: noon,
    mustEndAt: noon + hour * 1_000,
    window: undefined,
    rests: true,
  };

  it('spreads the work over nine tenths of the time', () => {
    const { load, planned } = planThrottle(situation);
    expect(load).toBeCloseTo(1_000 / (0.9 * hour), 10);
    expect(planned).toEqual({
      must_end_at: '2026-07-01T11:00:00.000Z',
      ends_at: '2026-07-01T10:54:00.000Z',
      rows_left: 1_000_000,
      seconds_per_row: 0.001,
      batch_rows: 500,
      rest_seconds: expect.closeTo(0.5 * 2.24, 10),
      late_seconds: 0,
    });
    // Work and rest together take the planned time.
    expect(2_000 * (0.5 + restAfter(load, 0.5))).toBeCloseTo(0.9 * hour, 6);
  });

  it('counts only the hours in which its window is open, with the clocks changed or not', () => {
    const mustEndAt = (days: number) => noon + days * 24 * hour * 1_000;
    const open = (now: number, days: number) =>
      planThrottle({ ...situation, now, mustEndAt: now + days * 24 * hour * 1_000, window: night });
    const week = planThrottle({ ...situation, mustEndAt: mustEndAt(7), window: night });
    expect(week.openSeconds).toBe(7 * 8 * hour);
    expect(open(Date.parse('2026-03-28T11:00Z'), 1).openSeconds).toBe(7 * hour);
    expect(open(Date.parse('2026-10-24T10:00Z'), 1).openSeconds).toBe(9 * hour);
    // 1,000 s of work in one night of 7 hours, of which nine tenths are planned: from 22:00 on.
    const spring = open(Date.parse('2026-03-28T11:00Z'), 1);
    expect(spring.load).toBeCloseTo(1_000 / (0.9 * 7 * hour), 10);
    expect(spring.planned.ends_at).toBe(
      new Date(Date.parse('2026-03-28T21:00Z') + 0.9 * 7 * hour * 1_000).toISOString(),
    );
  });

  it('never works less than a hundredth of the time, so it rests 99 times as long as the batch took at most', () => {
    const little = planThrottle({ ...situation, rowsLeft: 5_000, mustEndAt: noon + 7 * 24 * hour * 1_000 });
    expect(little.load).toBe(0.01);
    expect(restAfter(little.load, 0.5)).toBeCloseTo(49.5, 10);
    expect(little.planned.ends_at).toBe(new Date(noon + 500_000).toISOString());
    expect(planThrottle({ ...situation, rowsLeft: 0 }).load).toBe(0.01);
    expect(planThrottle({ ...situation, rowsLeft: 0, mustEndAt: noon - 1 }).load).toBe(0.01);
  });

  it('rests no more where that is what it takes, and says by how much it is late where even that is not enough', () => {
    const tight = planThrottle({ ...situation, rowsLeft: 3_400_000 });
    expect(tight).toMatchObject({ load: 1, planned: { rest_seconds: 0, late_seconds: 0 } });
    expect(deadlineProblem(tight, 'PT1H', undefined)).toBeUndefined();
    const late = planThrottle({ ...situation, rowsLeft: 7_200_000 });
    expect(late).toMatchObject({ load: 1, planned: { rest_seconds: 0, late_seconds: hour } });
    expect(late.planned.ends_at).toBe('2026-07-01T12:00:00.000Z');
    const over = planThrottle({ ...situation, mustEndAt: noon - hour * 1_000 });
    expect(over).toMatchObject({ load: 1, openSeconds: 0, planned: { late_seconds: hour + 1_000 } });
  });

  it('tells what it cannot do in time with the arithmetic, and what to do', () => {
    const rows = { ...situation, rowsLeft: 100_000_000, secondsPerRow: 0.00123456 };
    expect(deadlineProblem(planThrottle(rows), 'PT1H', undefined)).toBe(
      '100,000,000 rows at 1.23 ms each take 1 day 10 hours, but until 2026-07-01T11:00:00.000Z (within PT1H) there are 1 hour ' +
        'left: it cannot be done in time, even without rests. Allow more time, make a row cheaper (triggers, indexes), or ' +
        'leave "within" out',
    );
    const inNights = { ...rows, mustEndAt: noon + 48 * hour * 1_000, window: night };
    expect(deadlineProblem(planThrottle(inNights), '2 days', night)).toContain(
      '(within 2 days) there are 16 hours in the window 22:00–06:00 Europe/Berlin: it cannot be done in time, even without ' +
        'rests. Allow more time, widen the window, make a row cheaper',
    );
  });

  it('neither rests nor keeps a window in the foreground', () => {
    const { load, planned } = planThrottle({ ...situation, rests: false });
    expect([load, planned.rest_seconds, planned.ends_at]).toEqual([1, 0, '2026-07-01T10:16:40.000Z']);
  });

  it('counts on a tenth more where more rows came than were known, and on all of them in a later pass', () => {
    expect(rowsLeft(1, 1_000, 400)).toBe(600);
    expect(rowsLeft(1, 1_000, 1_000)).toBe(100);
    expect(rowsLeft(1, 1_000, 5_000)).toBe(500);
    expect(rowsLeft(1, 0, 0)).toBe(0);
    expect(rowsLeft(2, 1_000, 5_000)).toBe(5_000);
  });

  it('is not late because of a second look at rows that takes less than changing them did', () => {
    const again = { ...situation, rowsLeft: 7_200_000, looksAgain: true };
    expect(planThrottle(again)).toMatchObject({ load: 1, planned: { late_seconds: 0 } });
    expect(deadlineProblem(planThrottle(again), 'PT1H', undefined)).toBeUndefined();
    expect(planThrottle({ ...again, secondsPerRow: 0.0001 }).load).toBeCloseTo(720 / (0.9 * hour), 10);
    // With no time left it is.
    expect(planThrottle({ ...again, mustEndAt: noon })).toMatchObject({
      load: 1,
      planned: { late_seconds: 7_200 },
    });
  });

  it('ends in time when it is made anew in every slice, though rows get twice as slow halfway', () => {
    const mustEndAt = noon + 3 * 24 * hour * 1_000;
    for (const window of [undefined, night]) {
      let now = noon;
      let left = 2_000_000;
      while (left > 0) {
        const secondsPerRow = left < 1_000_000 ? 0.01 : 0.005;
        const { load } = planThrottle({
          ...situation,
          rowsLeft: left,
          secondsPerRow,
          now,
          mustEndAt,
          window,
        });
        const opens = planThrottle({ ...situation, rowsLeft: 1, secondsPerRow: 0, now, mustEndAt, window });
        now = Date.parse(opens.planned.ends_at);
        const rows = Math.min(left, 5_000);
        left -= rows;
        now += rows * secondsPerRow * (1 / load) * 1_000;
      }
      expect(now).toBeLessThan(mustEndAt);
      expect(now).toBeGreaterThan(noon + 2 * 24 * hour * 1_000);
    }
  });
});
