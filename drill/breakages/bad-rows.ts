import type { Breakage } from '../breakage.ts';

export const badRows: Breakage = {
  what: '12 rows cannot be migrated',
  alarms: ['row-errors'],
  notices: ['has succeeded'],
  page: /^order-totals · 12 · 22P02/,
  async happen({ database, executions }) {
    await database.query(`UPDATE orders SET total_text = 'a dozen' WHERE id <= 12`);
    await executions.run({ only: 'order-totals' });
  },
};
