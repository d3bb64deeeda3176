import { type Progress, progressOf } from '../functions/engine/overview/progress.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { grouped, localTime, pauseText } from './output/format.ts';
import { table } from './output/table.ts';
import { statuses, statusOfOne } from './system/status.ts';

export const progress: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'progress [migration]',
  about: 'show how far each migration is: rows, percent, rate, expected end, why it rests',
  exits: ['shown', 'the system cannot be reached', noSuchMigration],
  options: [jsonOption],
  async run(system, { json }, name) {
    const { ledger, all } =
      name === undefined
        ? await statuses(system)
        : await statusOfOne(system, name).then(({ ledger, status }) => ({ ledger, all: [status] }));
    const found = all.map((status) => progressOf(status, ledger.now));
    const data = name === undefined ? found : found[0];
    system.io.out.write(json ? `${JSON.stringify(data, null, 2)}\n` : forPeople(found));
    return 0;
  },
};

function forPeople(all: readonly Progress[]): string {
  return table(
    ['migration', 'state', 'rows', 'of', '%', 'rows/s', 'expected end', 'errors', ''],
    all.map((each) => [
      each.name,
      each.state,
      grouped(each.rows_done),
      each.rows_known === null ? '' : grouped(each.rows_known),
      each.percent ?? '',
      each.rows_per_second === null ? '' : grouped(each.rows_per_second),
      localTime(each.ends_at),
      each.errors,
      [
        each.late ? 'late' : '',
        each.restore ? `${grouped(each.restore.restored)} rows put back: ${each.restore.because}` : '',
        each.resting ? `until ${localTime(each.resting.until)}: ${each.resting.reason}` : '',
        each.waiting ? `waits for ${each.waiting.reason}` : '',
        each.paused ? pauseText(each.paused) : '',
        each.tuned ? `tuned: ${JSON.stringify(each.tuned)}` : '',
      ]
        .filter(Boolean)
        .join(', '),
    ]),
  );
}
