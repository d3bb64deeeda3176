import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isWithin, listLag, secondsBetweenLooks, windowOf } from '../../functions/watch/look.ts';

const first = Date.parse('2026-11-27T10:00:00Z');
const between = secondsBetweenLooks * 1_000;
const looks = Array.from({ length: 12 }, (_, i) => ({ time: new Date(first + i * between).toISOString() }));
/** From when on until when the looks tell of what ends. */
const begin = first - listLag - between;
const end = begin + looks.length * between;

test('What ends is told of by one look, however late that is and however often it is tried again', () => {
  const anytime = fc.integer({ min: begin, max: end - 1 });
  const atAnEdge = fc
    .tuple(fc.integer({ min: 0, max: looks.length - 1 }), fc.constantFrom(-1, 0, 1))
    .map(([i, beside]) => Math.max(begin, begin + i * between + beside));
  fc.assert(
    fc.property(fc.oneof(anytime, atAnEdge), (ended) => {
      expect(looks.filter((look) => isWithin(windowOf(look), ended))).toHaveLength(1);
    }),
  );
});

test('A look leaves what has just ended to the next one: Step Functions may not list it yet', () => {
  const { until } = windowOf({ time: '2026-11-27T10:00:00Z' });
  expect(new Date(until).toISOString()).toBe('2026-11-27T09:59:00.000Z');
});
