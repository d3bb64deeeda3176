import type { WaitState } from '../definition/machine.ts';
import { parseTimestamp } from '../definition/timestamp.ts';
import { queryEvaluationError } from '../failure.ts';
import type { Visit } from './visit.ts';

/** Waits for some seconds, or until a time. */
export async function runWait(visit: Visit, { until }: WaitState): Promise<void> {
  if (until.kind === 'Seconds') {
    await visit.sleep(await visit.integer(until.value, 'Seconds', 0));
    return;
  }
  const text = await visit.text(until.value, 'Timestamp');
  const time = parseTimestamp(text);
  if (time === undefined) {
    const cause = `The value for the field 'Timestamp' must be a timestamp, but was '${text}'`;
    throw visit.failed(queryEvaluationError('Timestamp', cause));
  }
  await visit.sleep((time - Date.now()) / 1000);
}
