import { rewrite, sql } from 'serverless-data-migrations';

interface Payload {
  readonly amount: string;
  readonly currency: string;
}

/** Amounts in events are numbers of cents, with their currency. */
export const eventAmounts = rewrite<{ payload: Payload }>({
  name: 'event-amounts',
  table: 'orderEvents',
  key: 'id',
  columns: ['payload'],
  where: sql`jsonb_typeof(payload -> 'amount') = 'string'`,
  transform: ({ payload: { amount, currency, ...rest } }) => ({
    payload: { ...rest, amount: { cents: Math.round(Number(amount) * 100), currency } } as unknown as Payload,
  }),
});
