import { Duration } from 'luxon';

/**
 * Seconds of a duration, ISO 8601 (`P7D`, `PT1H`) or in words (`1 week`, `36 hours`, `2 days 12 hours`). A day has 24
 * hours here, whatever the clocks do. Throws a RangeError that says what was wrong, got and allowed.
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
  // Duration's own, whatever mixture of units it has.
  const seconds = Duration.fromObject(parts).as('seconds');
  if (seconds <= 0) {
    return refuse('which is no time at all');
  }
  return seconds <= longest ? seconds : refuse('which is too long');
}

const allowed =
  'a time of more than 0 and at most 365 days: in ISO 8601 as P7D, P1W, PT36H, or in words as 1 week, 36 hours, 90 minutes';

// A year is what an execution of the machine may last at most.
const longest = 365 * 86_400;

type Parts = Readonly<Record<string, number>>;

function inIso(text: string): Parts | undefined {
  const duration = Duration.fromISO(text);
  // Luxon takes a bare P for nothing at all.
  return duration.isValid && /\d/.test(text) ? (duration.toObject() as Parts) : undefined;
}

const word = /^\s*(?:,|and\s)?\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|month|year)s?(?=$|[\s,])/i;

/** `2 days 12 hours`, `1 week and 2 days`: a number and a unit, once or several times. */
function inWords(text: string): Parts | undefined {
  const parts: Record<string, number> = {};
  let rest = text.trim();
  while (rest !== '') {
    const [all, number, unit] = word.exec(rest) ?? [];
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

/** A time as people say it, by its two largest units: `2 days 8 hours`, `1.5 seconds`. */
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
