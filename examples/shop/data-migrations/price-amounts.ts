import { condition, rewrite, sql } from 'serverless-data-migrations';
import { type BigNumber, fromMinorUnits } from '../money/big-number.ts';

/** Prices were whole numbers of the currency's smallest unit. Now they are in its usual one, with the exact number beside it. */
export const priceAmounts = rewrite<{
  amount: string;
  raw_amount: BigNumber | null;
  currency_code: string;
}>({
  name: 'price-amounts',
  table: 'price',
  key: 'id',
  columns: ['amount', 'raw_amount', 'currency_code'],
  // Deleted prices, too: orders refer to them.
  where: sql`raw_amount IS NULL`,
  transform({ amount, currency_code }) {
    const exact = fromMinorUnits(amount, currency_code);
    return { amount: exact.value, raw_amount: exact };
  },
  validate: [
    condition('amounts_agree', sql`raw_amount IS NULL OR amount = (raw_amount ->> 'value')::numeric`),
  ],
  onInvalid: 'restore',
});
