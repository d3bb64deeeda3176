import { codec } from 'serverless-data-migrations';
import { check, type InferInput, number, pipe, record, string, union } from 'valibot';
import { bigNumber, exactly } from './big-number.ts';

const isComplete = (totals: object) =>
  Object.keys(totals).every((name) => name.startsWith('raw_') || `raw_${name}` in totals);

/** Totals by name, each with its exact value beside it: `{ paid_total: 19.99, raw_paid_total: { … } }`. */
const exact = pipe(
  record(string(), union([number(), bigNumber])),
  check((totals) => isComplete(totals), 'expected a raw_… beside each total'),
);
const rounded = record(string(), number());

/** What the column `totals` of an order's summary holds. */
export const orderTotals = codec({
  name: 'totals',
  current: exact,
  earlier: [
    {
      schema: rounded,
      upgrade: (totals) =>
        Object.fromEntries(
          Object.entries(totals).flatMap(([name, total]) => [
            [name, total],
            [`raw_${name}`, exactly(inDecimals(total))],
          ]),
        ),
    },
  ],
});

/** A double as decimal text. What is left of a sum, 5.7e-14 for 0, is nothing at nine decimals. */
const inDecimals = (total: number): string => String(Number(total.toFixed(9)));

/** What is stored while both forms live side by side. */
export type StoredTotals = InferInput<typeof exact> | InferInput<typeof rounded>;
