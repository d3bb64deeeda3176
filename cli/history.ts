import { executionName } from '../functions/engine/ledger/execution-names.ts';
import { type HistoryLine, history as historyOf } from '../functions/engine/ledger/history.ts';
import { readLedger } from '../functions/engine/overview/read-ledger.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { localTime } from './output/format.ts';
import { table } from './output/table.ts';
import { namesOf, requireKnown } from './system/names.ts';

// As many as a person scrolls through.
const most = 200;

export const history: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'history [migration]',
  about: `show what happened, the last ${most} events: who started, stopped, paused, tuned, restored, cleaned up, and when`,
  exits: ['shown', 'the system cannot be reached', noSuchMigration],
  options: [jsonOption],
  async run(system, { json }, name) {
    const database = await system.database();
    const ledger = await readLedger(database);
    if (name !== undefined) {
      requireKnown(name, namesOf(system, ledger));
    }
    // An older ledger has none.
    const found = ledger.version < 4 ? [] : await historyOf(database, most, name);
    system.io.out.write(json ? `${JSON.stringify(found, null, 2)}\n` : forPeople(found));
    return 0;
  },
};

function forPeople(found: readonly HistoryLine[]): string {
  return table(
    ['when', 'what', 'migration', 'run', 'who', ''],
    found.map(({ at, event, migration, run, who, detail }) => [
      localTime(at),
      event,
      migration ?? '',
      run === null ? '' : executionName(run),
      who ?? '',
      detail ?? '',
    ]),
  );
}
