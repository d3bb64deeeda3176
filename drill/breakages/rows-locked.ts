import { setTimeout as sleep } from 'node:timers/promises';
import type { Breakage } from '../breakage.ts';
import { until } from '../until.ts';

export const rowsLocked: Breakage = {
  what: 'somebody keeps a row locked that others wait for',
  alarms: ['held'],
  notices: ['has succeeded'],
  page: /^Held for/,
  async happen({ database, executions, witness }) {
    const [holder, waiter] = [await database.session(), await database.session()];
    try {
      await holder.query('BEGIN; UPDATE orders SET label = label WHERE id = 7');
      const waiting = waiter.query('UPDATE orders SET label = label WHERE id = 7').catch(() => {});
      await sleep(1_200); // who waits for less than a second is no sign of pressure
      const run = await executions.start({ only: 'order-totals' });
      // Its rests move the time on.
      await until('it is held for half an hour', async () => witness.hasSeen('held'));
      await holder.query('ROLLBACK');
      await waiting;
      await executions.ended(run);
    } finally {
      await holder.end();
      await waiter.end();
    }
  },
};
