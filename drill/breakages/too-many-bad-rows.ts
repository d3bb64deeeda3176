import type { Breakage } from '../breakage.ts';

export const tooManyBadRows: Breakage = {
  what: 'more rows cannot be migrated than the migration allows',
  alarms: ['run-failed', 'row-errors'],
  notices: ['has failed'],
  page: /^ErrorBudgetSpent: .* errorBudget is 20/,
  async happen({ database, executions }) {
    await database.query(`UPDATE orders SET total_text = 'a dozen'`);
    await executions.run({ only: 'order-totals' });
  },
};
