import { IANAZone } from 'luxon';

/**
 * When a migration may work: while the clock on the wall of `timeZone` shows a time from `from` until before `to`. By this
 * rule the window 22:00–06:00 has 7 or 9 hours on the nights when the clocks change; what is missing of
 * it does not count, what comes twice counts twice.
 */
export interface WindowOptions {
  /** `22:00`. */
  readonly from: string;
  /** `06:00`; before `from`, it is that of the next day. */
  readonly to: string;
  /** By its IANA name: `Europe/Berlin`, `UTC`. */
  readonly timeZone: string;
}

/** Checks a window. Throws a RangeError that says what was wrong, got and allowed. */
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

/** `22:00–06:00 Europe/Berlin`. */
export function windowText({ from, to, timeZone }: WindowOptions): string {
  return `${from}–${to} ${timeZone}`;
}

/** Seconds from an instant (ms since 1970) until the window opens; 0 while it is open. */
export function secondsUntilOpen(window: WindowOptions | undefined, at: number): number {
  const [begin] = openings(window, at).next().value as Opening;
  return (begin - at) / 1_000;
}

/** Seconds between two instants during which the window is open. */
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

/** The instant by which the window has been open for so many seconds; looks ten years ahead at most. */
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

/** When the window is open, from an instant on and for ever: one after another, where they touch in two parts. */
function* openings(window: WindowOptions | undefined, since: number): Generator<Opening> {
  if (window === undefined) {
    yield [since, Number.POSITIVE_INFINITY];
    return;
  }
  const from = timeOfDay(window.from);
  const length = modulo(timeOfDay(window.to) - from, day);
  for (const { begin, end, offset } of stretches(window.timeZone, since)) {
    // The last time at or before `begin` at which the wall shows `from`, or would have if the clocks had not been changed.
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
  /** What the clock on the wall shows minus UTC, in ms. */
  readonly offset: number;
}

/** Stretches of time, of a day at most, in which the clocks are not changed. */
function* stretches(timeZone: string, since: number): Generator<Stretch> {
  const zone = IANAZone.create(timeZone);
  const offsetAt = (at: number): number => zone.offset(at) * minute;
  for (let begin = since; ; ) {
    const offset = offsetAt(begin);
    let end = begin + day;
    if (offsetAt(end) !== offset) {
      // Halved until a millisecond is left: 27 steps, twice a year.
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

function timeOfDay(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return (hours * 60 + minutes) * minute;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
