import { type Axis, drawn } from './chart.ts';
import { inWindows, type Window } from './series.ts';

/** What an application waited beside something. */
export interface Beside {
  readonly what: string;
  /** When each wait began, in seconds since the beginning, and how many milliseconds it took. */
  readonly waits: readonly { readonly at: number; readonly ms: number }[];
}

/** A picture of the application's latency over time, with a panel for each thing that ran beside it. All have the same axes. */
export function latencyPicture(all: readonly Beside[]): string {
  const beside = all.map(({ what, waits }) => ({ what, windows: inWindows(waits) }));
  const every = beside.flatMap(({ windows }) => windows);
  const worst = (windows: readonly Window[]) => most(windows.map((window) => window.worst));
  const across: Axis = {
    label: 'seconds since its beginning',
    scale: 'linear',
    from: 0,
    to: Math.max(1, most(every.map(({ at }) => at))),
    text: (value) => value.toLocaleString('en'),
  };
  const up: Axis = {
    label: 'wait, logarithmic',
    scale: 'log',
    from: least(every.map(({ p50 }) => p50)),
    to: Math.max(10, worst(every)),
    text: milliseconds,
  };
  const worsts = beside.map(({ what, windows }) => `${what}, ${milliseconds(worst(windows))}`);
  return drawn({
    title: 'What the application waits for an answer, over time',
    description: `It updates single rows 400 times a second. Worst of each panel: ${worsts.join('; ')}.`,
    legend: [
      { look: 'dots', label: 'the worst of each moment' },
      { look: 'strong', label: 'its 99th percentile' },
      { look: 'calm', label: 'its median' },
    ],
    panels: beside.map(({ what, windows }) => ({
      title: what,
      across,
      up,
      lines: [
        { look: 'calm', points: windows.map(({ at, p50 }) => [at, p50]) },
        { look: 'strong', points: windows.map(({ at, p99 }) => [at, p99]) },
        { look: 'dots', points: windows.map((window) => [window.at, window.worst]) },
      ],
    })),
  });
}

const most = (values: readonly number[]): number =>
  values.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0);

/** The least that has a logarithm. */
const least = (values: readonly number[]): number =>
  values.filter((value) => Number.isFinite(value) && value > 0).reduce((a, b) => Math.min(a, b), 1);

const milliseconds = (ms: number): string =>
  ms >= 1_000 ? `${Number((ms / 1_000).toPrecision(3))} s` : `${Number(ms.toPrecision(2))} ms`;
