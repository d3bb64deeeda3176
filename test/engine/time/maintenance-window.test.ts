import { describe, expect, it } from 'vitest';
import { durationText, parseDuration } from '../../../functions/engine/time/duration.ts';
import {
  afterOpenSeconds,
  checkWindow,
  openSeconds,
  secondsUntilOpen,
  type WindowOptions,
  windowText,
} from '../../../functions/engine/time/maintenance-window.ts';

const hour = 3_600;
const day = 24 * hour;
const night = { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' };

/** Hours in which a window is open between two instants, written in UTC. */
const openHours = (window: WindowOptions, since: string, until: string) =>
  openSeconds(window, Date.parse(since), Date.parse(until)) / hour;

/** Hours from an instant until a window opens. */
const hoursUntilOpen = (window: WindowOptions, at: string) => secondsUntilOpen(window, Date.parse(at)) / hour;

/** When the window opens and closes between two instants, found by asking every 15 minutes whether it is open. */
function changes(window: WindowOptions, since: string, until: string): string[] {
  const found: string[] = [];
  let before = secondsUntilOpen(window, Date.parse(since)) === 0;
  for (let at = Date.parse(since); at <= Date.parse(until); at += 15 * 60_000) {
    const open = secondsUntilOpen(window, at) === 0;
    if (open !== before) {
      found.push(`${open ? 'opens' : 'closes'} ${new Date(at).toISOString().slice(0, 16)}`);
    }
    before = open;
  }
  return found;
}

describe('A duration', () => {
  it('is read from ISO 8601 and from words', () => {
    const read = (text: string) => parseDuration(text);
    expect(read('P7D')).toBe(7 * day);
    expect(read('P1W')).toBe(7 * day);
    expect(read('PT1H')).toBe(hour);
    expect(read('P1DT12H')).toBe(36 * hour);
    expect(read('PT1.5H')).toBe(1.5 * hour);
    expect(read('1 week')).toBe(7 * day);
    expect(read('36 hours')).toBe(36 * hour);
    expect(read('2 days 12 hours')).toBe(60 * hour);
    expect(read('1 week and 2 days')).toBe(9 * day);
    expect(read('1 hour, 30 minutes')).toBe(1.5 * hour);
    expect(read('0.5 Days')).toBe(12 * hour);
    expect(read('365 days')).toBe(365 * day);
  });

  it('is refused with what was wrong, got and allowed', () => {
    const allowed =
      'allowed is a time of more than 0 and at most 365 days: in ISO 8601 as P7D, P1W, PT36H, or in words as 1 week, ' +
      '36 hours, 90 minutes';
    const refused = (text: string) => {
      try {
        return parseDuration(text);
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const wrong of [
      '',
      'soon',
      '7',
      'week',
      'P',
      'PT',
      'p7d',
      '1 week tomorrow',
      '1weekend',
      '-1 days',
      '1e3 days',
    ]) {
      expect(refused(wrong)).toBe(`got ${JSON.stringify(wrong)}, which is not a duration; ${allowed}`);
    }
    expect(refused('P1M')).toContain('got "P1M", but months have no fixed length: write it in days or weeks');
    expect(refused('1 year')).toContain('got "1 year", but years have no fixed length');
    expect(refused('PT0S')).toContain('got "PT0S", which is no time at all');
    expect(refused('P-1D')).toContain('got "P-1D", which is no time at all');
    expect(refused('366 days')).toContain('got "366 days", which is too long');
    expect(refused(7 as never)).toContain('got 7, which is not text');
  });

  it('is told by its two largest units', () => {
    expect([0.0123, 1, 59.6, 61, 2 * hour, 2 * day + 8 * hour + 1, 400 * day].map(durationText)).toEqual([
      '0.012 seconds',
      '1 second',
      '60 seconds',
      '1 minute 1 second',
      '2 hours',
      '2 days 8 hours',
      '400 days',
    ]);
  });
});

describe('A maintenance window', () => {
  it('is open from its first minute until before its last, over midnight or not', () => {
    expect(changes(night, '2026-01-10T12:00Z', '2026-01-11T12:00Z')).toEqual([
      'opens 2026-01-10T21:00',
      'closes 2026-01-11T05:00',
    ]);
    const noon = { from: '12:30', to: '13:00', timeZone: 'America/New_York' };
    expect(changes(noon, '2026-07-10T00:00Z', '2026-07-11T00:00Z')).toEqual([
      'opens 2026-07-10T16:30',
      'closes 2026-07-10T17:00',
    ]);
    const untilMidnight = { from: '20:00', to: '00:00', timeZone: 'UTC' };
    expect(openHours(untilMidnight, '2026-07-10T00:00Z', '2026-07-12T22:00Z')).toBe(10);
  });

  it('says how long it is until it opens: not at all while it is open', () => {
    expect(hoursUntilOpen(night, '2026-01-10T12:00Z')).toBe(9);
    expect(hoursUntilOpen(night, '2026-01-10T20:59:59Z') * hour).toBeCloseTo(1);
    expect(hoursUntilOpen(night, '2026-01-10T21:00Z')).toBe(0);
    expect(hoursUntilOpen(night, '2026-01-11T04:59:59Z')).toBe(0);
    expect(hoursUntilOpen(night, '2026-01-11T05:00Z')).toBe(16);
  });

  it('has 7 or 9 hours on the nights when the clocks change, in Berlin and in New York', () => {
    const nights = (zone: WindowOptions, date: string) => {
      const noon = Date.parse(`${date}T12:00Z`);
      return openHours(zone, new Date(noon).toISOString(), new Date(noon + day * 1_000).toISOString());
    };
    const newYork = { ...night, timeZone: 'America/New_York' };
    for (const spring of ['2026-03-28', '2027-03-27']) {
      expect(nights(night, spring)).toBe(7);
    }
    for (const autumn of ['2026-10-24', '2027-10-30']) {
      expect(nights(night, autumn)).toBe(9);
    }
    for (const spring of ['2026-03-07', '2027-03-13']) {
      expect(nights(newYork, spring)).toBe(7);
    }
    for (const autumn of ['2026-10-31', '2027-11-06']) {
      expect(nights(newYork, autumn)).toBe(9);
    }
    for (const usual of ['2026-03-27', '2026-03-29', '2026-10-25']) {
      expect(nights(night, usual)).toBe(8);
    }
  });

  it('gains or loses the half hour of Lord Howe Island', () => {
    const lordHowe = { from: '00:00', to: '06:00', timeZone: 'Australia/Lord_Howe' };
    // Noon to noon UTC is 22:30 or 23:00 of one day to the same of the next.
    expect(openHours(lordHowe, '2026-04-04T12:00Z', '2026-04-05T12:00Z')).toBe(6.5);
    expect(openHours(lordHowe, '2026-10-03T12:00Z', '2026-10-04T12:00Z')).toBe(5.5);
    expect(openHours(lordHowe, '2027-01-04T12:00Z', '2027-01-05T12:00Z')).toBe(6);
  });

  it('that begins or ends in the missing hour begins or ends when the clocks are changed', () => {
    // On 2026-03-29 in Berlin 02:00, which is 01:00 UTC, is 03:00 already.
    const berlin = (from: string, to: string) =>
      changes({ from, to, timeZone: 'Europe/Berlin' }, '2026-03-28T12:00Z', '2026-03-29T12:00Z');
    expect(berlin('02:30', '05:00')).toEqual(['opens 2026-03-29T01:00', 'closes 2026-03-29T03:00']);
    expect(berlin('01:00', '02:30')).toEqual(['opens 2026-03-29T00:00', 'closes 2026-03-29T01:00']);
    expect(berlin('02:00', '03:00')).toEqual([]);
    expect(
      hoursUntilOpen({ from: '02:00', to: '03:00', timeZone: 'Europe/Berlin' }, '2026-03-28T02:00Z'),
    ).toBe(46);
  });

  it('that begins or ends in the doubled hour does so twice', () => {
    // On 2026-10-25 in Berlin it is 02:00 to 03:00 from 00:00 UTC, and again from 01:00 UTC.
    const berlin = (from: string, to: string) =>
      changes({ from, to, timeZone: 'Europe/Berlin' }, '2026-10-24T12:00Z', '2026-10-25T12:00Z');
    expect(berlin('02:30', '05:00')).toEqual([
      'opens 2026-10-25T00:30',
      'closes 2026-10-25T01:00',
      'opens 2026-10-25T01:30',
      'closes 2026-10-25T04:00',
    ]);
    expect(berlin('02:15', '02:45')).toEqual([
      'opens 2026-10-25T00:15',
      'closes 2026-10-25T00:45',
      'opens 2026-10-25T01:15',
      'closes 2026-10-25T01:45',
    ]);
    expect(berlin('02:00', '03:00')).toEqual(['opens 2026-10-25T00:00', 'closes 2026-10-25T02:00']);
  });

  it('counts the open time of a whole year, and finds the instant by which so much of it has passed', () => {
    const [since, until] = ['2026-01-01T00:00Z', '2027-01-01T00:00Z'].map(Date.parse) as [number, number];
    expect(openSeconds(night, since, until) / hour).toBe(365 * 8);
    expect(openSeconds(undefined, since, until)).toBe(365 * day);
    expect(openSeconds(night, until, since)).toBe(0);
    for (const share of [0.01, 0.24, 0.5, 0.82, 1]) {
      const open = Math.round(365 * 8 * hour * share);
      const after = afterOpenSeconds(night, since, open);
      expect(openSeconds(night, since, after)).toBeCloseTo(open, 3);
      expect(openSeconds(night, since, after - 1_000)).toBeLessThan(open);
    }
    expect(afterOpenSeconds(undefined, since, 60)).toBe(since + 60_000);
    // What would take longer than ten years is not looked for.
    const minuteOfTheNight = { ...night, to: '22:01' };
    for (const window of [undefined, minuteOfTheNight]) {
      expect(afterOpenSeconds(window, since, 1e12)).toBe(since + 3_650 * day * 1_000);
    }
  });

  it('is refused with what was wrong, got and allowed', () => {
    const refused = (window: unknown) => () => checkWindow(window as WindowOptions);
    expect(refused({ ...night, from: '25:00' })).toThrow(
      'got {"from":"25:00","to":"06:00","timeZone":"Europe/Berlin"}, whose "from" is no time of the day; allowed is ' +
        "00:00 to 23:59, such as {from: '22:00', to: '06:00', timeZone: 'Europe/Berlin'}",
    );
    expect(refused({ ...night, to: '6:00' })).toThrow('whose "to" is no time of the day');
    expect(refused({ ...night, to: '24:00' })).toThrow('whose "to" is no time of the day');
    expect(refused({ from: '22:00', timeZone: 'UTC' })).toThrow('whose "to" is no time of the day');
    expect(refused({ ...night, to: '22:00' })).toThrow(
      'which begins when it ends; allowed is two different times',
    );
    expect(refused({ ...night, timeZone: 'Mars/Olympus' })).toThrow(
      'whose time zone is not known: "Mars/Olympus"',
    );
    expect(refused({ from: '22:00', to: '06:00' })).toThrow('whose time zone is not known: undefined');
    expect(refused('22:00-06:00')).toThrow('got "22:00-06:00", which is no window');
    expect(checkWindow(night)).toEqual(night);
    expect(windowText(night)).toBe('22:00–06:00 Europe/Berlin');
  });
});
