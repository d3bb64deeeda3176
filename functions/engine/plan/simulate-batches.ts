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
}

/** What is known of the rows before a run. */
export interface SimulationInput {
  readonly rows: number;
  /** Working time, without rests. */
  readonly secondsPerRow: number;
  /** Bytes that a row takes in a result; 0 where no rows travel. */
  readonly bytesPerRow: number;
  readonly pace: PaceOptions;
  /** Seconds to rest after a batch that took so many seconds. */
  readonly restAfterBatch: (seconds: number) => number;
}

/** Goes through the batches as a slice does: small at first, then as large as their time allows, with a rest after each. */
export function simulateBatches(input: SimulationInput): SimulatedBatches {
  const { rows, secondsPerRow, bytesPerRow, restAfterBatch } = input;
  let pace = startPace(input.pace, null);
  let restSeconds = 0;
  const sum = { batches: 0, longRests: 0, shortRestSeconds: 0, totalRestSeconds: 0 };
  for (let left = rows; left > 0; ) {
    const size = Math.min(pace.size, left);
    const next = measured(pace, { rows: size, seconds: size * secondsPerRow, bytesPerRow });
    // Once the size has settled, all batches to come are alike.
    const alike = next.size === pace.size ? Math.ceil(left / size) : 1;
    left -= alike * size;
    sum.batches += alike;
    restSeconds = restAfterBatch(size * secondsPerRow);
    const rests = left > 0 ? alike : alike - 1; // none after the last one
    sum.totalRestSeconds += rests * restSeconds;
    if (restSeconds >= longestSleep) {
      sum.longRests += rests;
    } else {
      sum.shortRestSeconds += rests * restSeconds;
    }
    pace = next;
  }
  return { ...sum, batchRows: pace.size, restSeconds };
}
