import type { Breakage } from '../breakage.ts';
import { batchWaits, lockOrders } from '../lock.ts';

export const stopped: Breakage = {
  what: 'an operator stops a run in the middle of a batch',
  alarms: [],
  notices: ['was stopped'],
  page: /^order-totals backfill · stopped/,
  async happen({ database, executions, migrate, time }) {
    const session = await database.session();
    try {
      await lockOrders(session);
      const run = await executions.start({ only: 'order-totals' });
      await batchWaits(database);
      await executions.stop(run);
      await executions.ended(run);
      // Its function would go on trying until its time is up.
      await migrate.kill();
    } finally {
      await session.end();
    }
    await time.pass(20 * 60);
  },
};
