import { expect, test } from 'vitest';
import { sparkline } from '../../functions/progress-page/sparkline.ts';

const sample = (second: number, rowsPerSecond: number) => ({ at: second * 1_000, rowsPerSecond });

test('the line of the rate goes from its first moment to its last, from no rows up to the most, and says so in words', () => {
  const line = sparkline([sample(0, 0), sample(60, 1_200), sample(240, 600)])?.text ?? '';
  expect(line).toContain('aria-label="rows per second over the last 4 min: 0 to 1,200"');
  expect(/<polyline points="([^"]*)"/.exec(line)?.[1]).toBe('0.0,17.0 21.0,1.0 84.0,9.0');
});

test('one moment is no line', () => {
  expect(sparkline([])).toBeUndefined();
  expect(sparkline([sample(1, 5)])).toBeUndefined();
});

test('a migration that rests all the time has a line at the bottom', () => {
  expect(sparkline([sample(0, 0), sample(1, 0)])?.text).toContain('points="0.0,17.0 84.0,17.0"');
});
