import type { Rate } from '../engine/ledger/rates.ts';
import { grouped, span } from './format.ts';
import { type Html, html } from './html.ts';

const [width, height] = [84, 18];

/** A line of the rate over time, from 0 up; nothing for fewer than two of them. */
export function sparkline(some: readonly Rate[]): Html | undefined {
  const [first, last] = [some[0], some.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    return undefined;
  }
  const rates = some.map(({ rowsPerSecond }) => rowsPerSecond);
  const most = Math.max(...rates, 1);
  const x = ({ at }: Rate): number => ((at - first.at) / (last.at - first.at)) * width;
  // A line of 1.5 px at the very edge would be cut in half.
  const y = ({ rowsPerSecond }: Rate): number => height - 1 - (rowsPerSecond / most) * (height - 2);
  const points = some.map((each) => `${x(each).toFixed(1)},${y(each).toFixed(1)}`).join(' ');
  const time = span(new Date(first.at).toISOString(), new Date(last.at).toISOString());
  const label = `rows per second over the last ${time}: ${grouped(Math.min(...rates))} to ${grouped(most)}`;
  return html`<svg class="dm-spark" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
    <title>${label}</title>
    <polygon points="0,${height} ${points} ${width},${height}"/><polyline points="${points}"/>
  </svg>`;
}
