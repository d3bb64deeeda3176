import { drawn } from './chart.ts';
import { type Done, ratesOver } from './series.ts';

// Enough to see a checkpoint or a cache that is full, few enough that each part has several batches.
const parts = 40;

/**
 * A picture of rows per second over rows done: ours, and of one single UPDATE.
 *
 * @param ours How many rows were done at a time, from none on.
 * @param single The same of the single UPDATE.
 */
export function ratePicture(ours: readonly Done[], single: readonly Done[]): string {
  const rate = (curve: readonly Done[]) => {
    const last = curve.at(-1);
    return last === undefined || last.seconds === 0 ? 0 : Math.round(last.rows / last.seconds);
  };
  return drawn({
    title: 'Rows per second, over rows done',
    description: `Over all rows the backfill does ${thousands(rate(ours))} rows per second, one single UPDATE ${thousands(rate(single))}.`,
    legend: [
      { look: 'strong', label: 'backfill, as it is by default' },
      { look: 'calm', label: 'one single UPDATE' },
    ],
    panels: [
      {
        title: 'Without an application beside them',
        across: { label: 'rows done', scale: 'linear', from: 0, to: ours.at(-1)?.rows ?? 1, text: thousands },
        up: { label: 'rows per second', scale: 'linear', from: 0, to: 1, text: thousands },
        lines: [
          { look: 'calm', points: ratesOver(single, parts) },
          { look: 'strong', points: ratesOver(ours, parts) },
        ],
      },
    ],
  });
}

const thousands = (value: number): string => value.toLocaleString('en');
