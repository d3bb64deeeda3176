import { Duration, type DurationObjectUnits } from 'luxon';

/**
 * Reads a duration and returns its seconds.
 *
 * @param text ISO 8601 (`P7D`, `PT1H`) or words (`1 week`, `36 hours`, `2 days 12 hours`). A day always has 24 hours, also on
 *   the days when the clocks change. At most 365 days: an execution of a state machine lasts no longer.
 * @throws RangeError that says what was wrong, got and allowed.
 * @example parseDuration('2 days 12 hours') // 216_000
 */
export function parseDuration(text: string): number {
  const refuse = (problem: string): never => {
    throw new RangeError(`got ${JSON.stringify(text)}, ${problem}; allowed is ${allowed}`);
  };
  if (typeof text !== 'string') {
    return refuse('which is not text');
  }
  const parts = text.startsWith('P') ? inIso(text) : inWords(text);
  if (parts === undefined) {
    return refuse('which is not a duration');
  }
  for (const unit of ['years', 'months'] as const) {
    if (unit in parts) {
      return refuse(`but ${unit} have no fixed length: write it in days or weeks`);
    }
  }
  const seconds = Duration.fromObject(parts).as('seconds');
  if (seconds <= 0) {
    return refuse('which is no time at all');
  }
  return seconds <= longest ? seconds : refuse('which is too long');
}

const allowed =
  'a time of more than 0 and at most 365 days: in ISO 8601 as P7D, P1W, PT36H, or in words as 1 week, 36 hours, 90 minutes';

// What AWS lets an execution of a Standard state machine last at most.
const longest = 365 * 86_400;

/** Numbers of units, by Luxon's names for them: `{ days: 2, hours: 12 }`. */
type Parts = DurationObjectUnits;

function inIso(text: string): Parts | undefined {
  const duration = Duration.fromISO(text);
  // Luxon reads a bare P as no time, and so as valid.
  return duration.isValid && /\d/.test(text) ? duration.toObject() : undefined;
}

const numberAndUnit =
  /^\s*(?:,|and\s)?\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?(?=$|[\s,])/i;

/** Reads `2 days 12 hours` or `1 week and 2 days`: a number and a unit, once or several times. */
function inWords(text: string): Parts | undefined {
  const parts: Record<string, number> = {};
  let rest = text.trim();
  while (rest !== '') {
    const [all, number, unit] = numberAndUnit.exec(rest) ?? [];
    if (all === undefined) {
      return undefined;
    }
    const units = `${unit?.toLowerCase()}s`;
    parts[units] = (parts[units] ?? 0) + Number(number);
    rest = rest.slice(all.length);
  }
  return Object.keys(parts).length > 0 ? parts : undefined;
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/**
 * Writes a time as people say it.
 *
 * @param seconds From 0 on.
 * @returns Its two largest units, rounded down: `2 days 8 hours`; under a minute two digits: `1.5 seconds`.
 */
export function durationText(seconds: number): string {
  if (seconds < 60) {
    return counted(Number(seconds.toPrecision(2)), 'second');
  }
  const first = units.findIndex(([, length]) => seconds >= length);
  const said: string[] = [];
  let left = seconds;
  for (const [unit, length] of units.slice(first, first + 2)) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count > 0) {
      said.push(counted(count, unit));
    }
  }
  return said.join(' ');
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
