import type { Database } from '../../functions/engine/database/data-api.ts';
import { purposeOf, requestOf } from '../../functions/engine/ledger/execution-purpose.ts';
import { type Progress, progressOf } from '../../functions/engine/overview/progress.ts';
import { type Ledger, type Run, readLedger } from '../../functions/engine/overview/read-ledger.ts';
import { type Status, statusesIn } from '../../functions/engine/overview/status.ts';
import { grouped, localTime, pauseText } from '../output/format.ts';
import { type Step, stepOf } from '../output/steps.ts';
import type { System } from './system.ts';
import { isUnderWay, type Watched } from './watched.ts';

/**
 * How far each migration is at which one of the executions is or was, or that waits in the background; those that somebody has paused;
 * and what else is waited for.
 */
export async function watchedSteps(
  system: Pick<System, 'registered'>,
  database: Database,
  watched: Watched,
): Promise<readonly Step[]> {
  const ledger = await readLedger(database);
  const alive = ledger.running.filter(({ execution_arn }) => {
    const execution = watched.get(execution_arn);
    return execution !== undefined && isUnderWay(execution);
  });
  const migrations = statusesIn(system.registered, ledger, alive).filter(
    ({ line, state }) =>
      (line !== undefined && watched.has(line.run)) || state === 'waiting' || state === 'paused',
  );
  return [
    ...migrations.map((status) => stepIn(ledger, status)),
    ...alive.flatMap((run) => waitingStep(run, watched)),
  ];
}

function stepIn({ running, now }: Ledger, status: Status): Step {
  const { name, line } = status;
  const progress = progressOf(status, now);
  const stage = running.find(({ execution_arn }) => execution_arn === line?.run)?.stage ?? null;
  const step = line ? stepOf(line, stage) : notBegun(name);
  const note = whatKeeps(progress) ?? step.note;
  const pace = paceText(progress);
  return { ...step, ...(note !== undefined && { note }), ...(pace !== '' && { pace }) };
}

const notBegun = (name: string): Step => ({ name, done: 0, known: 0, ended: false });

/** That a run waits which is not in the background: the ledger does not have which of its migrations waits. */
function waitingStep({ execution_arn, waiting }: Run, watched: Watched): readonly Step[] {
  const execution = watched.get(execution_arn) ?? {};
  const isInBackground = requestOf(execution)?.background !== undefined;
  return waiting && !isInBackground
    ? [{ ...notBegun(purposeOf(execution)), note: `waits for ${waiting.reason}` }]
    : [];
}

/** What keeps a migration from going on; undefined if nothing does. */
function whatKeeps({ state, waiting, paused }: Progress): string | undefined {
  switch (state) {
    case 'waiting':
      return waiting ? `waits for ${waiting.reason}` : undefined;
    case 'paused':
      return paused ? pauseText(paused) : undefined;
    case 'failed':
    case 'stopped':
      return state;
    default:
      return undefined;
  }
}

function paceText({ rows_per_second, resting, ends_at, late }: Progress): string {
  return [
    resting ? `until ${localTime(resting.until)}` : '',
    rows_per_second === null ? '' : `${grouped(rows_per_second)} rows/s`,
    ends_at === null ? '' : `ends ${localTime(ends_at)}`,
    late ? 'late' : '',
  ]
    .filter(Boolean)
    .join(', ');
}
