import type { Breakage } from '../breakage.ts';

export const validationFails: Breakage = {
  what: 'three migrated rows do not meet a validation',
  alarms: ['validation-failed'],
  notices: ['has succeeded'],
  page: /^order-totals · not_negative · failed · 3$/,
  async happen({ database, executions }) {
    await database.query(`UPDATE orders SET total_text = '-1' WHERE id <= 3`);
    await executions.run({ only: 'order-totals' });
  },
};
