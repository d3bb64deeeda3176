/** A point of a line: where it is along, and how high. */
export type Point = readonly [along: number, height: number];

/** The waits of a while. */
export interface Window {
  /** Its middle, in seconds since the beginning. */
  readonly at: number;
  /** In ms. */
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** More of them cannot be told apart in a picture, and make its file large. */
const mostPoints = 200;

/**
 * Waits in windows of equal length: a quarter of a second, or as often twice that as keeps them 200 at most.
 *
 * @param waits When each began, in seconds since the beginning, and how many milliseconds it took; in any order.
 */
export function inWindows(waits: readonly { readonly at: number; readonly ms: number }[]): readonly Window[] {
  const last = waits.reduce((latest, { at }) => Math.max(latest, at), 0);
  let seconds = 0.25;
  while (last / seconds > mostPoints) {
    seconds *= 2;
  }
  const windows = new Map<number, number[]>();
  for (const { at, ms } of waits) {
    const window = Math.floor(at / seconds);
    const found = windows.get(window) ?? [];
    windows.set(window, found);
    found.push(ms);
  }
  return [...windows]
    .sort(([a], [b]) => a - b)
    .map(([window, found]) => {
      const sorted = found.toSorted((a, b) => a - b);
      // The smallest one that as large a share of them does not exceed.
      const share = (of: number) => sorted[Math.ceil(of * sorted.length) - 1] ?? Number.NaN;
      return { at: (window + 0.5) * seconds, p50: share(0.5), p99: share(0.99), worst: share(1) };
    });
}

/** How many rows were done at a time, in seconds since the beginning. */
export interface Done {
  readonly rows: number;
  readonly seconds: number;
}

/**
 * Rows per second over rows done, for each of some equal parts of the rows.
 *
 * @param curve From no rows on, in the order of time.
 */
export function ratesOver(curve: readonly Done[], parts: number): readonly Point[] {
  const all = curve.at(-1)?.rows ?? 0;
  const bounds = Array.from({ length: parts + 1 }, (_, i) => (all * i) / parts);
  return bounds.slice(1).flatMap((to, i) => {
    const from = bounds[i] ?? 0;
    const seconds = secondsAt(curve, to) - secondsAt(curve, from);
    return seconds > 0 ? [[(from + to) / 2, (to - from) / seconds] as const] : [];
  });
}

/** When so many rows were done: between two times of which it is known, as if their rows were done evenly. */
function secondsAt(curve: readonly Done[], rows: number): number {
  const place = curve.findIndex((done) => done.rows >= rows);
  const [before, after] = [curve[place - 1], curve[place]];
  if (before === undefined || after === undefined) {
    return (after ?? curve.at(-1))?.seconds ?? 0;
  }
  const share = (rows - before.rows) / (after.rows - before.rows);
  return before.seconds + share * (after.seconds - before.seconds);
}

/** Several neighbours as one: so many each that there are 200 at most. */
export function grouped<T>(values: readonly T[]): readonly (readonly T[])[] {
  const size = Math.max(1, Math.ceil(values.length / mostPoints));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
}
