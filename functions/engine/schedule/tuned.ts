import type { Registered } from '../define/registered.ts';
import type { Tuning } from '../ledger/controls.ts';

/** The migration as operators have tuned it: what they have set stands in place of what its author wrote. */
export function tuned<M extends Registered>(migration: M, tuning: Tuning | null): M {
  if (tuning === null || migration.kind === 'alterTables') {
    return migration;
  }
  const { batchSeconds, restSeconds, within, window, lanes } = tuning;
  const { pace } = migration;
  return {
    ...migration,
    pace: {
      ...pace,
      targetSeconds: batchSeconds ?? pace.targetSeconds,
      // "within" works the rests out, so whichever of the two was set counts.
      restSeconds: restSeconds ?? (within === undefined ? pace.restSeconds : undefined),
    },
    within: within ?? (restSeconds === undefined ? migration.within : undefined),
    window: window ?? migration.window,
    lanes: lanes ?? migration.lanes,
  };
}
