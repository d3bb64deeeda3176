import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonValue } from '../../../functions/engine/batch/json-value.ts';

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
        let said: unknown;
        try {
          said = jsonValue(value, 'j');
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect((error as Error).message).toMatch(/^j\S* ?.*became /s);
          return;
        }
        // As -0 and 0 are the same number to PostgreSQL, they are here.
        expect(JSON.stringify(said)).toBe(JSON.stringify(value));
        expect(JSON.parse(JSON.stringify(said))).toEqual(JSON.parse(JSON.stringify(said)));
      },
    ),
    { numRuns: 2_000 },
  );
});

it('Any JSON value is kept to the letter', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      expect(jsonValue(value, 'j')).toEqual(value);
    }),
    { numRuns: 1_000 },
  );
});
