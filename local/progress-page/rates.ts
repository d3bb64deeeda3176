import type { Overview } from '../../functions/progress-page/overview.ts';
import type { Sample } from '../../functions/progress-page/sparkline.ts';

// With a look every 2 s it is the last four minutes.
const mostSamples = 120;

/** The rates of migrations, as one look after another finds them. */
export interface Rates {
  /** Adds a look, and returns the rates by the names of the migrations. */
  look(overview: Overview): ReadonlyMap<string, readonly Sample[]>;
}

/** Remembers how far each migration was at the last looks. Between two of them a rate is what came to be done, rests included. */
export function startRates(): Rates {
  const before = new Map<string, { readonly at: number; readonly done: number }>();
  const samples = new Map<string, readonly Sample[]>();
  return {
    look({ now, migrations }) {
      const at = Date.parse(now);
      for (const { name, rows_done: done, rows_per_second: rate } of migrations) {
        const last = before.get(name);
        // It is not under way, or it began anew.
        if (rate === null || (last !== undefined && done < last.done)) {
          before.delete(name);
          samples.delete(name);
          continue;
        }
        // Under a second says little; and two windows that look are not twice as many looks.
        if (last !== undefined && at - last.at < 1_000) {
          continue;
        }
        before.set(name, { at, done });
        if (last !== undefined) {
          const rowsPerSecond = ((done - last.done) / (at - last.at)) * 1_000;
          samples.set(name, [...(samples.get(name) ?? []), { at, rowsPerSecond }].slice(-mostSamples));
        }
      }
      return samples;
    },
  };
}
