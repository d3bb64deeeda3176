import type { Breakage } from '../breakage.ts';
import { slowWrites } from '../slow-writes.ts';
import { twice } from '../twice.ts';

export const slowTrigger: Breakage = {
  what: 'a new trigger takes 0.25 s for each row, and batches are slow',
  alarms: ['batches-slow'],
  notices: ['has succeeded', 'has succeeded'],
  page: /^order-totals backfill · finished/,
  happen: (stack) =>
    twice(stack, async ({ database, executions }) => {
      await slowWrites(database, { seconds: 0.25, rows: 5 });
      await executions.run({ only: 'order-totals' });
    }),
};
