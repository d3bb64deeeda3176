import { IANAZone } from 'luxon';

/**
 * The hours of the day in which a migration may work: while a clock on the wall in `timeZone` shows a time from `from` until
 * just before `to`. On the nights when the clocks change, the window 22:00–06:00 has 7 or 9 hours.
 *
 * @example { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' }
 */
export interface WindowOptions {
  /** When it opens, from `00:00` to `23:59`. */
  readonly from: string;
  /** When it closes, from `00:00` to `23:59`. A time before `from` is on the next day. */
  readonly to: string;
  /** The time zone's name in the IANA data base: `Europe/Berlin`, `UTC`. */
  readonly timeZone: string;
}

/**
 * Checks a window as an author wrote it, and returns just its three fields.
 *
 * @throws RangeError that says what was wrong, got and allowed.
 */
export function checkWindow(window: WindowOptions): WindowOptions {
  const refuse = (problem: string, allowed: string): never => {
    throw new RangeError(`got ${JSON.stringify(window)}, ${problem}; allowed is ${allowed}`);
  };
  const example = "such as {from: '22:00', to: '06:00', timeZone: 'Europe/Berlin'}";
  if (typeof window !== 'object' || window === null) {
    return refuse('which is no window', `an object ${example}`);
  }
  for (const name of ['from', 'to'] as const) {
    if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(window[name])) {
      refuse(`whose "${name}" is no time of the day`, `00:00 to 23:59, ${example}`);
    }
  }
  if (window.from === window.to) {
    refuse('which begins when it ends', 'two different times; for all day leave the window out');
  }
  if (!IANAZone.isValidZone(window.timeZone)) {
    refuse(
      `whose time zone is not known: ${JSON.stringify(window.timeZone)}`,
      `a name of the IANA data base, ${example}`,
    );
  }
  const { from, to, timeZone } = window;
  return { from, to, timeZone };
}

/** Writes a window for people: `22:00–06:00 Europe/Berlin`. */
export function windowText({ from, to, timeZone }: WindowOptions): string {
  return `${from}–${to} ${timeZone}`;
}

/**
 * How long it takes until a window opens.
 *
 * @param window Undefined for one that is always open.
 * @param at An instant, in ms since 1970.
 * @returns Seconds; 0 while it is open.
 */
export function secondsUntilOpen(window: WindowOptions | undefined, at: number): number {
  for (const [begin] of openings(window, at)) {
    return (begin - at) / 1_000;
  }
  throw new RangeError(`a window that never opens: ${JSON.stringify(window)}`);
}

/**
 * For how long a window is open between two instants.
 *
 * @param window Undefined for one that is always open.
 * @param since An instant, in ms since 1970.
 * @param until A later instant, in ms since 1970.
 * @returns Seconds.
 */
export function openSeconds(window: WindowOptions | undefined, since: number, until: number): number {
  let sum = 0;
  for (const [begin, end] of openings(window, since)) {
    if (begin >= until) {
      break;
    }
    sum += Math.min(end, until) - begin;
    if (end >= until) {
      break;
    }
  }
  return sum / 1_000;
}

/**
 * When a window will have been open for a time.
 *
 * @param window Undefined for one that is always open.
 * @param since The instant from which on its open time counts, in ms since 1970.
 * @param seconds How long it is to have been open.
 * @returns An instant, in ms since 1970: ten years after `since` at most.
 */
export function afterOpenSeconds(window: WindowOptions | undefined, since: number, seconds: number): number {
  const horizon = since + 3_650 * day;
  let left = seconds * 1_000;
  for (const [begin, end] of openings(window, since)) {
    if (begin >= horizon) {
      break;
    }
    if (end - begin >= left) {
      return Math.min(begin + left, horizon);
    }
    left -= end - begin;
  }
  return horizon;
}

const minute = 60_000;
const day = 24 * 60 * minute;

type Opening = readonly [begin: number, end: number];

/** Every stretch of time in which the window is open, from an instant on and without end. Two of them may touch. */
function* openings(window: WindowOptions | undefined, since: number): Generator<Opening> {
  if (window === undefined) {
    yield [since, Number.POSITIVE_INFINITY];
    return;
  }
  const from = timeOfDay(window.from);
  const length = modulo(timeOfDay(window.to) - from, day);
  for (const { begin, end, offset } of stretches(window.timeZone, since)) {
    // When the clock last showed `from`, at or before `begin`; or would have shown it, had the clocks not been changed.
    let opens = begin - modulo(begin + offset - from, day);
    for (; opens < end; opens += day) {
      const opening = [Math.max(opens, begin), Math.min(opens + length, end)] as const;
      if (opening[0] < opening[1]) {
        yield opening;
      }
    }
  }
}

interface Stretch {
  readonly begin: number;
  readonly end: number;
  /** By how much the clock on the wall is ahead of UTC, in ms. */
  readonly offset: number;
}

/** Cuts time from an instant on into stretches of a day at most, such that the clocks only change between two of them. */
function* stretches(timeZone: string, since: number): Generator<Stretch> {
  const zone = IANAZone.create(timeZone);
  const offsetAt = (at: number): number => zone.offset(at) * minute;
  for (let begin = since; ; ) {
    const offset = offsetAt(begin);
    let end = begin + day;
    if (offsetAt(end) !== offset) {
      // Finds the change to the millisecond by halving the day: 27 steps, twice a year.
      let same = begin;
      while (end - same > 1) {
        const middle = Math.floor((same + end) / 2);
        if (offsetAt(middle) === offset) {
          same = middle;
        } else {
          end = middle;
        }
      }
    }
    yield { begin, end, offset };
    begin = end;
  }
}

/** The time of the day that `22:00` stands for, in ms since midnight. */
function timeOfDay(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return (hours * 60 + minutes) * minute;
}

/** The remainder of a division, from 0 on also for a negative value. */
function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
