import type { Checkpoint } from '../ledger/checkpoint.ts';

/**
 * What one invocation does and meets, counted while it happens: so it is known of a slice that fails, too. A few thousand batches at most,
 * for several lanes some ten thousand, so their times are all kept.
 */
export class Tally {
  /** Rows looked at, changed, and found impossible to migrate. */
  processed = 0;
  updated = 0;
  rowErrors = 0;
  /** What each batch took, its way there and back included, and for how long it held locks. */
  readonly batchSeconds: number[] = [];
  readonly lockSeconds: number[] = [];
  /** Failures of the database after which a batch was tried again. */
  triedAgain = 0;
  /** The most sessions that waited for a lock at one of the looks before batches; undefined if nobody has looked. */
  lockWaits: number | undefined;
  /** Rests that the invocation slept through. */
  restedSeconds = 0;
  /** The schedule's latest plan; only where there is a time limit. */
  plan: Plan | undefined;

  /** The checkpoint was moved on from `before`, by our own statement. */
  moved(before: Checkpoint, now: Checkpoint): void {
    this.processed += now.walked.processed - before.walked.processed;
    this.updated += now.walked.updated - before.walked.updated;
    // A row error that was solved is less than none.
    this.rowErrors += Math.max(0, now.rowErrorsOfThisRun - before.rowErrorsOfThisRun);
  }

  sawLockWaits(sessions: number | undefined): void {
    if (sessions !== undefined) {
      this.lockWaits = Math.max(this.lockWaits ?? 0, sessions);
    }
  }

  batch({ seconds, locked }: { readonly seconds: number; readonly locked: number }): void {
    this.batchSeconds.push(seconds);
    this.lockSeconds.push(locked);
  }
}

/** When a migration with a time limit is expected to end, in ISO 8601, and by how much later than it should; 0 while it keeps its limit. */
interface Plan {
  readonly ends_at: string;
  readonly late_seconds: number;
}
