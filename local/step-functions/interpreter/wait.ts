import type { WaitState } from '../definition/machine.ts';
import { queryEvaluationError } from '../failure.ts';
import type { Visit } from './visit.ts';

/** RFC 3339 with capital T, and Z or an offset. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Waits for a time or until one. */
export async function runWait(visit: Visit, { until }: WaitState): Promise<void> {
  if (until.kind === 'Seconds') {
    await visit.sleep(await visit.number(until.value, 'Seconds', 0));
    return;
  }
  const value = await visit.text(until.value, 'Timestamp');
  const time = timestamp.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) {
    const reason = `The value for the field 'Timestamp' must be a timestamp, but was '${value}'`;
    throw visit.failed(queryEvaluationError('Timestamp', reason));
  }
  await visit.sleep((time - Date.now()) / 1000);
}
