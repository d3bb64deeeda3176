import { scaleLinear, scaleLog } from 'd3-scale';
import { line as pathOf } from 'd3-shape';
import { type Html, html, unsafeHtml } from '../../functions/progress-page/html.ts';
import type { Point } from './series.ts';
import { style } from './style.ts';

/** How a line looks: they differ in more than their colours. */
export type Look = 'calm' | 'strong' | 'dots' | 'mark';

/** A line of a panel. */
export interface Line {
  readonly look: Look;
  readonly points: readonly Point[];
}

/** One of the two directions of a panel. */
export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** From where to where, at least. */
  readonly from: number;
  readonly to: number;
  /** A number along it as text. */
  readonly text: (value: number) => string;
}

/** A chart with axes of its own. */
export interface Panel {
  readonly title: string;
  readonly across: Axis;
  readonly up: Axis;
  readonly lines: readonly Line[];
  /** A height that means something, as the legend says. */
  readonly mark?: number;
}

/** Panels below one another, with what they have in common. */
export interface Picture {
  readonly title: string;
  /** What it shows, for who does not see it. */
  readonly description: string;
  readonly legend: readonly { readonly look: Look; readonly label: string }[];
  readonly panels: readonly Panel[];
}

const width = 860;
const left = 76;
const right = width - 36; // the last label of an axis stands half over its end
const head = 64;
const titleHeight = 26;
const footHeight = 44;
/** Of a letter in a legend, at most. */
const letterWidth = 7.5;

/** Draws a picture: an SVG that stands by itself, for light and dark pages. */
export function drawn({ title, description, legend, panels }: Picture): string {
  const chartHeight = panels.length === 1 ? 240 : 132;
  const pitch = titleHeight + chartHeight + footHeight;
  const height = head + panels.length * pitch;
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title description" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title id="title">${title}</title>
<desc id="description">${description}</desc>
<style>${unsafeHtml(style)}</style>
<rect class="ground" width="${width}" height="${height}"/>
<text class="title" x="16" y="26">${title}</text>
${legend.map(({ look, label }, i) => {
  const before = legend.slice(0, i).reduce((sum, each) => sum + 56 + each.label.length * letterWidth, 0);
  return entry(look, label, 16 + before);
})}
${panels.map((panel, i) => chart(panel, head + titleHeight + i * pitch, chartHeight))}</svg>
`;
  return svg.text;
}

function entry(look: Look, label: string, x: number): Html {
  const points: readonly Point[] = [0, 12, 24].map((along) => [x + along, 44]);
  return html`${shape(look, points)}<text x="${x + 32}" y="48">${label}</text>
`;
}

function chart({ title, across, up, lines, mark }: Panel, upper: number, height: number): Html {
  const lower = upper + height;
  const drawable = lines.map(({ look, points }) => ({
    look,
    points: points.filter(([along, high]) => isOn(across, along) && isOn(up, high)),
  }));
  const all = drawable.flatMap(({ points }) => points);
  const x = scaleOf(
    across,
    all.map(([along]) => along),
    [left, right],
  );
  const y = scaleOf(
    up,
    [...all.map(([, high]) => high), ...(mark === undefined ? [] : [mark])],
    [lower, upper],
  ).nice(5);
  return html`<g>
<text class="panel" x="${left}" y="${upper - 8}">${title}</text>
${ticksOf(up, y).map((value) => horizontal(y(value), up.text(value)))}
${ticksOf(across, x).map((value) => html`<text class="tick" x="${px(x(value))}" y="${lower + 16}" text-anchor="middle">${across.text(value)}</text>`)}
<text class="axis" x="${right}" y="${lower + 32}" text-anchor="end">${across.label}</text>
<text class="axis" x="${right}" y="${upper - 8}" text-anchor="end">${up.label}</text>
${mark !== undefined && html`<path class="mark" d="M${left},${px(y(mark))}H${right}"/>`}
${drawable.map(({ look, points }) =>
  shape(
    look,
    points.map(([along, height]) => [x(along), y(height)]),
  ),
)}
${all.length === 0 && html`<text class="axis" x="${left + 8}" y="${upper + 20}">nothing was measured</text>`}</g>
`;
}

const horizontal = (y: number, label: string): Html =>
  html`<path class="grid" d="M${left},${px(y)}H${right}"/><text class="tick" x="${left - 8}" y="${px(y + 4)}" text-anchor="end">${label}</text>`;

function shape(look: Look, points: readonly Point[]): Html {
  if (look === 'dots') {
    // Lines of no length with round ends: a dot takes a few bytes.
    return html`<path class="dots" d="${points.map(([x, y]) => `M${px(x)},${px(y)}h0`).join('')}"/>`;
  }
  const path = pathOf<Point>(
    ([x]) => x,
    ([, y]) => y,
  ).digits(1);
  return html`<path class="${look}" d="${path([...points]) ?? ''}"/>`;
}

/** Whether a value has a place on an axis: a logarithm has none for zero. */
const isOn = ({ scale }: Axis, value: number): boolean =>
  Number.isFinite(value) && (scale === 'linear' || value > 0);

function scaleOf({ scale, from, to }: Axis, values: readonly number[], range: [number, number]) {
  const least = values.reduce((a, b) => Math.min(a, b), from);
  const most = values.reduce((a, b) => Math.max(a, b), to);
  return (scale === 'log' ? scaleLog() : scaleLinear()).domain([least, most]).range(range);
}

function ticksOf({ scale }: Axis, drawing: ReturnType<typeof scaleOf>): readonly number[] {
  const ticks = drawing.ticks(5);
  // Of a logarithm's, those between are too many for labels.
  return scale === 'log' ? ticks.filter((value) => Number.isInteger(Math.log10(value))) : ticks;
}

const px = (value: number): string => value.toFixed(1);
