import type { Breakage } from '../breakage.ts';

export const columnMissing: Breakage = {
  what: 'a migration writes a column that somebody has dropped',
  alarms: ['run-failed'],
  notices: ['has failed'],
  page: /^MigrationFailed: .* no column total/,
  async happen({ database, executions }) {
    await database.query('ALTER TABLE orders DROP COLUMN total');
    await executions.run({ only: 'order-totals' });
  },
};
