import { type Axis, drawn } from './chart.ts';
import { grouped } from './series.ts';

/** What a batch did. */
export interface DoneBatch {
  readonly rows: number;
  /** From the beginning of its statement to its end. */
  readonly seconds: number;
}

/**
 * A picture of the pace: how many rows each batch took, and for how long its statement was at work.
 *
 * @param batches In their order.
 * @param targetSeconds How long a batch may lock its rows at most.
 */
export function pacePicture(batches: readonly DoneBatch[], targetSeconds: number): string {
  const groups = grouped(batches);
  const size = groups[0]?.length ?? 1;
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const of = (value: (batch: DoneBatch) => number, among: (values: readonly number[]) => number) =>
    groups.map((group, i) => [i * size + 1, among(group.map(value))] as const);
  const across: Axis = {
    label: 'batch',
    scale: 'linear',
    from: 0,
    to: batches.length,
    text: thousands,
  };
  const longest = longestOf(batches.map(({ seconds }) => seconds));
  return drawn({
    title: 'The pace: how large batches are, and how long they take',
    description: `${thousands(batches.length)} batches; the longest statement took ${Math.round(longest * 1_000)} ms, and may lock rows for ${targetSeconds * 1_000} ms.`,
    legend: [
      { look: 'strong', label: size === 1 ? 'each batch' : `average of ${size} batches` },
      ...(size === 1 ? [] : [{ look: 'dots', label: 'the longest of them' } as const]),
      { look: 'mark', label: 'for how long it may lock rows' },
    ],
    panels: [
      {
        title: 'Rows of a batch',
        across,
        up: { label: 'rows', scale: 'linear', from: 0, to: 1, text: thousands },
        lines: [{ look: 'strong', points: of(({ rows }) => rows, average) }],
      },
      {
        title: 'How long its statement is at work',
        across,
        up: { label: 'milliseconds', scale: 'linear', from: 0, to: 1, text: thousands },
        lines: [
          { look: 'strong', points: of(({ seconds }) => seconds * 1_000, average) },
          { look: 'dots', points: size === 1 ? [] : of(({ seconds }) => seconds * 1_000, longestOf) },
        ],
        mark: targetSeconds * 1_000,
      },
    ],
  });
}

const longestOf = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);

const thousands = (value: number): string => value.toLocaleString('en');
