import type { Registered } from '../define/registered.ts';
import type { Controls } from '../ledger/controls.ts';
import { backgroundLock } from '../ledger/run-lock.ts';
import type { Ledger, Line, Run } from './read-ledger.ts';

export type State =
  | 'never run'
  | 'running'
  | 'resting'
  | 'waiting'
  | 'paused'
  | 'validating'
  | 'stopped'
  | 'failed'
  | 'finished'
  | 'restoring'
  | 'restored'
  | 'cleaned up';

/** What has to be known of a migration beside the ledger. */
export type Known = Pick<Registered, 'name' | 'kind'>;

/** A migration, as far as checkout, ledger and Step Functions know it. */
export interface Status {
  readonly name: string;
  /** `unknown` for one that is no longer registered. */
  readonly kind: Registered['kind'] | 'unknown';
  readonly registered: boolean;
  readonly state: State;
  readonly line: Line | undefined;
  /** What its execution in the background waits for, and until when. */
  readonly waiting: { readonly until: string; readonly reason: string } | undefined;
  readonly controls: Controls | undefined;
}

/** Every migration as a ledger has it; `alive` are its runs whose executions still run. */
export function statusesIn(
  registered: readonly Known[],
  ledger: Ledger,
  alive: readonly Run[],
): readonly Status[] {
  const status = (name: string, migration: Known | undefined): Status => {
    const line = ledger.lines.get(name);
    return {
      name,
      kind: migration?.kind ?? 'unknown',
      registered: migration !== undefined,
      state: stateOf(name, ledger, alive),
      line,
      waiting:
        alive.find(({ lock, waiting }) => lock === backgroundLock(name) && waiting)?.waiting ?? undefined,
      controls: ledger.controls.get(name),
    };
  };
  const names = new Set(registered.map(({ name }) => name));
  const gone = [...ledger.lines.keys()].filter((name) => !names.has(name));
  return [
    ...registered.map((migration) => status(migration.name, migration)),
    ...gone.map((name) => status(name, undefined)),
  ];
}

/** Nobody writes into the ledger that a run was stopped: what counts is whether its execution still runs. */
function stateOf(name: string, { lines, controls }: Ledger, alive: readonly Run[]): State {
  const line = lines.get(name);
  const isPaused = controls.get(name)?.paused != null;
  if (line !== undefined && (line.status === 'running' || line.status === 'restoring')) {
    const run = alive.find(({ execution_arn }) => execution_arn === line.run);
    if (run === undefined) {
      return isPaused ? 'paused' : 'stopped';
    }
    if (line.resting) {
      return 'resting';
    }
    const { stage } = run;
    const validating = stage != null && !stage.ended && stage.migration === name;
    return validating && line.status === 'running' ? 'validating' : line.status;
  }
  const isDone = line?.status === 'finished' || line?.status === 'restored';
  if (isPaused && !isDone) {
    return 'paused';
  }
  if (!isDone && alive.some(({ lock, waiting }) => lock === backgroundLock(name) && waiting)) {
    return 'waiting';
  }
  if (line === undefined) {
    return 'never run';
  }
  return line.cleaned_up_at ? 'cleaned up' : (line.status as State);
}
