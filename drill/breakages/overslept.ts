import type { Breakage } from '../breakage.ts';
import { batchWaits, lockOrders } from '../lock.ts';
import { slowWrites } from '../slow-writes.ts';
import type { Stack } from '../stack/stack.ts';
import { twice } from '../twice.ts';

export const overslept: Breakage = {
  what: 'a migration that has an hour rests for two',
  alarms: ['late'],
  notices: ['has succeeded', 'has succeeded'],
  page: /^It has to be done by/,
  happen: (stack) => twice(stack, lateRun),
};

async function lateRun({ database, executions, inNextRest, witness }: Stack): Promise<void> {
  // Slow enough for a rest that the function leaves to the machine.
  await slowWrites(database, { seconds: 0.02, rows: 15 });
  const session = await database.session();
  try {
    inNextRest(async () => {
      // By the clock of the function, which is real: it has begun two hours ago.
      await database.query(
        `UPDATE data_migrations.migrations SET started_at = pg_catalog.now() - interval '2 hours'`,
      );
      await lockOrders(session);
    });
    const run = await executions.start({ only: 'order-labels' });
    await batchWaits(database);
    await witness.readPage();
    await session.query('ROLLBACK');
    await executions.ended(run);
  } finally {
    await session.end();
  }
}
