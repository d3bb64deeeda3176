import { type InferOutput, looseObject, number, pipe, regex, string } from 'valibot';

/** How a `raw_…` column holds an amount: exactly, as decimal text. */
export const bigNumber = looseObject({
  value: pipe(string(), regex(/^-?\d+(\.\d+)?$/, 'expected a decimal number')),
  precision: number(),
});
export type BigNumber = InferOutput<typeof bigNumber>;

// The digits with which new amounts are kept.
const precision = 20;

/** How many decimals a currency has where these are not two. */
const decimals: Readonly<Record<string, number>> = { jpy: 0, krw: 0, clp: 0, kwd: 3, bhd: 3, tnd: 3 };

const currencies: ReadonlySet<string> = new Set(
  Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()),
);

/** An amount exactly as the decimal text says: `12.50` is 12.5. */
export function exactly(amount: string): BigNumber {
  return { value: pointMoved(amount, 0), precision };
}

/**
 * An amount in the unit that people count in: 1999 cents are 19.99.
 *
 * @param minor Decimal text in the currency's smallest unit.
 * @throws RangeError for a currency that does not exist.
 */
export function fromMinorUnits(minor: string, currency: string): BigNumber {
  if (!currencies.has(currency)) {
    throw new RangeError(`there is no currency ${currency}`);
  }
  return { value: pointMoved(minor, decimals[currency] ?? 2), precision };
}

/** Decimal text with its point so many places further left, without zeros at its end. */
function pointMoved(text: string, places: number): string {
  const [, sign = '', whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) {
    throw new RangeError(`${text} is no decimal number`);
  }
  const digits = whole.padStart(places + 1, '0');
  const point = digits.length - places;
  const after = `${digits.slice(point)}${fraction}`.replace(/0+$/, '');
  return `${sign}${digits.slice(0, point)}${after && `.${after}`}`;
}
