import type { Registered } from '../../functions/engine/define/registered.ts';
import { isAlive } from '../../functions/engine/ledger/execution-status.ts';
import { statusOf } from './executions.ts';
import { aboutLedger, type Ledger, type Line, readLedger } from './ledger.ts';
import { requireKnown } from './names.ts';
import type { System } from './system.ts';

export type State =
  | 'never run'
  | 'running'
  | 'resting'
  | 'validating'
  | 'stopped'
  | 'failed'
  | 'finished'
  | 'restoring'
  | 'restored'
  | 'cleaned up';

/** A migration, as far as checkout, ledger and Step Functions know it. */
export interface Status {
  readonly name: string;
  /** `unknown` for one that is no longer registered. */
  readonly kind: Registered['kind'] | 'unknown';
  readonly registered: boolean;
  readonly state: State;
  readonly line: Line | undefined;
}

/** Every migration: the registered ones in their order, then those that only the ledger remembers. */
export async function statuses(system: System): Promise<{ ledger: Ledger; all: readonly Status[] }> {
  const ledger = await readLedger(await system.database());
  const about = aboutLedger(ledger);
  if (about !== undefined) {
    system.io.err.write(`${about}\n`);
  }
  const alive = ledger.holder !== undefined && isAlive(await statusOf(system, ledger.holder));
  const validating = ledger.stage && !ledger.stage.ended ? ledger.stage.migration : undefined;
  const status = (name: string, migration: Registered | undefined): Status => {
    const line = ledger.lines.get(name);
    return {
      name,
      kind: migration?.kind ?? 'unknown',
      registered: migration !== undefined,
      state: stateOf(line, alive, name === validating),
      line,
    };
  };
  const registered = system.registered.map((migration) => status(migration.name, migration));
  const names = new Set(registered.map(({ name }) => name));
  const gone = [...ledger.lines.keys()].filter((name) => !names.has(name));
  return { ledger, all: [...registered, ...gone.map((name) => status(name, undefined))] };
}

/** One of them. Throws Misuse, with the known ones, if there is none of this name. */
export async function statusOfOne(system: System, name: string): Promise<{ ledger: Ledger; status: Status }> {
  const { ledger, all } = await statuses(system);
  requireKnown(
    name,
    all.map((each) => each.name),
  );
  return { ledger, status: all.find((each) => each.name === name) as Status };
}

/** Nobody writes into the ledger that a run was stopped: what counts is whether its holder still runs. */
function stateOf(line: Line | undefined, alive: boolean, validating: boolean): State {
  if (line === undefined) {
    return 'never run';
  }
  if (line.status === 'running' || line.status === 'restoring') {
    if (!alive) {
      return 'stopped';
    }
    if (line.resting) {
      return 'resting';
    }
    return validating && line.status === 'running' ? 'validating' : line.status;
  }
  return line.cleaned_up_at ? 'cleaned up' : line.status;
}
