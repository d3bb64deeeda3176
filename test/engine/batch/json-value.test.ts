import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonText } from '../../../functions/engine/batch/json-value.ts';

it('Any value is what it was when it is read again, or refused with its place', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
      }),
      (value) => {
        let text: string;
        try {
          text = jsonText(value, 'j');
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect((error as Error).message).toMatch(/^j\S* ?.*became /s);
          return;
        }
        // As -0 and 0 are the same number to PostgreSQL, they are here.
        expect(text).toBe(JSON.stringify(value));
      },
    ),
    { numRuns: 2_000 },
  );
});

it('Any JSON value is kept to the letter', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect(jsonText(value, 'j')).toBe(JSON.stringify(value));
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  ['NaN', { a: [Number.NaN] }, 'j.a[0] became NaN'],
  ['a hole', { a: new Array(1) }, 'j.a[0] became undefined'],
  ['a Map', [[new Map()]], 'j[0][0] became a Map'],
  ['a bigint', { 'a b': 1n }, 'j["a b"] became 1'],
  ['a function', { f: () => 1 }, 'j.f became a function'],
  ['an object of a class', { u: new URL('http://a'), v: new (class V {})() }, 'j.v became a V'],
])('%s within a value is refused: JSON.stringify would write something else', (_, value, message) => {
  expect(() => jsonText(value, 'j')).toThrow(`${message}, which JSON does not have`);
});

it('A value that is very deep is written, and a circle is refused', () => {
  const nested = (depth: number, inmost: unknown): unknown =>
    depth === 0 ? inmost : { in: nested(depth - 1, inmost) };
  expect(jsonText(nested(200, 1), 'j')).toBe(JSON.stringify(nested(200, 1)));
  expect(() => jsonText(nested(200, Number.NaN), 'j')).toThrow('became NaN');
  const circle: Record<string, unknown> = {};
  circle.self = [circle];
  expect(() => jsonText(circle, 'j')).toThrow('j.self[0] became a circle');
});

it('What has a toJSON is what that gives, wherever it is', () => {
  const list = Object.assign([1], { toJSON: () => 'never asked' });
  expect(jsonText({ on: new Date(0), list }, 'j')).toBe('{"on":"1970-01-01T00:00:00.000Z","list":[1]}');
});
