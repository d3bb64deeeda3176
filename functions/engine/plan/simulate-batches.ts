import { measured, startPace } from '../batch/batch-size.ts';
import type { PaceOptions } from '../define/migration.ts';
import { longestSleep } from '../slice/batch-loop.ts';

/** What a migration's batches would be like. */
export interface SimulatedBatches {
  readonly batches: number;
  /** Rows in a batch, once its size has settled. */
  readonly batchRows: number;
  /** Seconds of rest after the last of them, as after most of them. */
  readonly restSeconds: number;
  /** How many rests are so long that the Lambda ends and Step Functions waits. */
  readonly longRests: number;
  /** Seconds of the rests during which the Lambda waits itself. */
  readonly shortRestSeconds: number;
  /** Seconds of all rests. */
  readonly totalRestSeconds: number;
  /** For how long a batch locks its rows, in seconds. */
  readonly lockedSeconds: number;
}

/** What is known of the rows before a run. */
export interface SimulationInput {
  readonly rows: number;
  /** Working time, without rests and the way to the database. */
  readonly secondsPerRow: number;
  /** For how much of it a row is locked by the statement that changes it. */
  readonly lockedPerRow: number;
  /** The way to the database and back. */
  readonly roundTrip: number;
  /** Bytes that a row takes in a result; 0 where no rows travel. */
  readonly bytesPerRow: number;
  readonly pace: PaceOptions;
  /** Seconds to rest after a batch that took so many seconds. */
  readonly restAfterBatch: (seconds: number) => number;
}

/** Goes through the batches as a slice does: small at first, then as large as their time allows, with a rest after each. */
export function simulateBatches(input: SimulationInput): SimulatedBatches {
  const { rows, secondsPerRow, lockedPerRow, roundTrip, bytesPerRow, restAfterBatch } = input;
  let pace = startPace(input.pace, null, roundTrip);
  let restSeconds = 0;
  const sum = { batches: 0, longRests: 0, shortRestSeconds: 0, totalRestSeconds: 0 };
  for (let left = rows; left > 0; ) {
    const size = Math.min(pace.size, left);
    const seconds = roundTrip + size * secondsPerRow;
    const time = { busy: size * lockedPerRow, beside: roundTrip };
    const next = measured(pace, { rows: size, seconds, time, bytesPerRow });
    // Once the size has settled, all batches to come are alike.
    const alike = next.size === pace.size ? Math.ceil(left / size) : 1;
    left -= alike * size;
    sum.batches += alike;
    restSeconds = restAfterBatch(seconds);
    const rests = left > 0 ? alike : alike - 1; // none after the last one
    sum.totalRestSeconds += rests * restSeconds;
    if (restSeconds >= longestSleep) {
      sum.longRests += rests;
    } else {
      sum.shortRestSeconds += rests * restSeconds;
    }
    pace = next;
  }
  return { ...sum, batchRows: pace.size, restSeconds, lockedSeconds: pace.size * lockedPerRow };
}
