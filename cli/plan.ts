import { preview } from '../functions/engine/plan/preview.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { costOf, prices, sum, usageOfAsking, usageOfRun } from './plan/cost.ts';
import { type MigrationReport, reportOf } from './plan/report.ts';
import { inWords } from './plan/report-text.ts';
import { requireKnown } from './system/names.ts';

export const plan: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'plan [migration]',
  about: 'say what a run would do, how long it takes and what it costs: tries a batch and rolls it back',
  exits: [
    'planned: nothing was changed',
    'planned, and something is in the way: it would fail, or not be done in time',
    noSuchMigration,
  ],
  options: [jsonOption],
  async run(system, { json }, name) {
    const { io, registered } = system;
    const names = registered.map((migration) => migration.name);
    if (name !== undefined) {
      requireKnown(name, names);
    }
    const database = await system.database();
    const migrations: MigrationReport[] = [];
    for (const migration of registered) {
      if (name !== undefined && migration.name !== name) {
        continue;
      }
      migrations.push(reportOf(await preview(database, migration), Date.now()));
    }
    const usage = sum([usageOfRun, ...migrations.map((each) => (each.paused ? usageOfAsking : each.usage))]);
    const whole = { migrations, run: { usage, dollars: costOf(usage) }, prices };
    io.out.write(json ? `${JSON.stringify(whole, null, 2)}\n` : inWords(whole));
    return migrations.some(({ problems }) => problems.length > 0) ? 1 : 0;
  },
};
