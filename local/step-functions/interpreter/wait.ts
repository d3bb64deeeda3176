import type { WaitState } from '../definition/machine.ts';
import { parseTimestamp } from '../definition/timestamp.ts';
import { queryEvaluationError } from '../failure.ts';
import type { Visit } from './visit.ts';

/** Waits for a time or until one. */
export async function runWait(visit: Visit, { until }: WaitState): Promise<void> {
  if (until.kind === 'Seconds') {
    await visit.sleep(await visit.number(until.value, 'Seconds', 0));
    return;
  }
  const value = await visit.text(until.value, 'Timestamp');
  const time = parseTimestamp(value);
  if (time === undefined) {
    const reason = `The value for the field 'Timestamp' must be a timestamp, but was '${value}'`;
    throw visit.failed(queryEvaluationError('Timestamp', reason));
  }
  await visit.sleep((time - Date.now()) / 1000);
}
