import type { Status } from '../functions/engine/overview/status.ts';
import { jsonOption, type OperatorCommand } from './command/command.ts';
import { localTime } from './output/format.ts';
import { table } from './output/table.ts';
import { statuses } from './system/status.ts';

export const list: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'list',
  about: 'list every migration: its kind, state, rows, row errors, and when it got there',
  exits: ['listed', 'the system cannot be reached', 'misuse'],
  options: [jsonOption],
  async run(system, { json }) {
    const { all } = await statuses(system);
    system.io.out.write(json ? `${JSON.stringify(all.map(described), null, 2)}\n` : forPeople(all));
    return 0;
  },
};

function described({ name, kind, registered, state, line }: Status) {
  return {
    name,
    kind,
    registered,
    state,
    total_processed: line?.total_processed ?? 0,
    total_updated: line?.total_updated ?? 0,
    rows_known: line?.rows_known ?? null,
    errors: line?.errors ?? 0,
    started_at: line?.started_at ?? null,
    finished_at: line?.finished_at ?? null,
    cleaned_up_at: line?.cleaned_up_at ?? null,
  };
}

function forPeople(all: readonly Status[]): string {
  return table(
    ['migration', 'kind', 'state', 'rows', 'errors', 'when'],
    all.map(({ name, kind, registered, state, line }) => [
      name,
      registered ? kind : 'no longer registered',
      state,
      line?.total_processed ?? '',
      line?.errors ?? '',
      localTime(line?.cleaned_up_at ?? line?.finished_at ?? line?.started_at),
    ]),
  );
}
