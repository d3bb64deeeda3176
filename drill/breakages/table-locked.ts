import type { Breakage } from '../breakage.ts';
import { batchWaits, lockOrders } from '../lock.ts';

export const tableLocked: Breakage = {
  what: 'somebody keeps the table locked, and the run stands still',
  alarms: ['stalled'],
  notices: ['has succeeded'],
  page: /^order-totals backfill · running/,
  async happen({ database, executions, time }) {
    const session = await database.session();
    try {
      await lockOrders(session);
      const run = await executions.start({ only: 'order-totals' });
      await batchWaits(database);
      await time.pass(20 * 60);
      await session.query('ROLLBACK');
      await executions.ended(run);
    } finally {
      await session.end();
    }
  },
};
