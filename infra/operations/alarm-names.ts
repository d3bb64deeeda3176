// No imports: the documentation's check reads it without the CDK.

/** The alarms, by the names under which the runbook has a section for each. */
export const alarmNames = [
  'run-failed',
  'follow-up-failed',
  'stalled',
  'held',
  'late',
  'row-errors',
  'validation-failed',
  'batches-slow',
  'database-at-capacity',
  'database-connections',
  'watcher-silent',
] as const;
export type AlarmName = (typeof alarmNames)[number];
