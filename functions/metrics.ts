/** The CloudWatch namespace of all metrics. */
export const namespace = 'DataMigrations';

/**
 * Every metric that is sent, with its unit in CloudWatch's words. All have the dimension `stack`, which is the stack's name; those of a
 * migration are sent once more with the dimension `migration` beside it. The functions, the dashboard, the alarms and the documentation all
 * take names and units from here.
 */
export const metrics = {
  RowsProcessed: { of: 'migration', unit: 'Count', about: 'rows that a slice has looked at' },
  RowsUpdated: { of: 'migration', unit: 'Count', about: 'rows that a slice has changed' },
  RowsLeft: { of: 'migration', unit: 'Count', about: 'rows ahead at the end of a slice, as far as known' },
  RowErrors: { of: 'migration', unit: 'Count', about: 'rows that a slice found impossible to migrate' },
  SecondsLeft: {
    of: 'migration',
    unit: 'Seconds',
    about: 'until a migration is expected to end, rests included',
  },
  RowsPerSecond: {
    of: 'migration',
    unit: 'Count/Second',
    about: 'rows processed for each second of a slice',
  },
  BatchSeconds: {
    of: 'migration',
    unit: 'Seconds',
    about: 'what each batch took, its way there and back included',
  },
  LockSeconds: { of: 'migration', unit: 'Seconds', about: 'for how long each batch held its locks' },
  LockWaits: {
    of: 'migration',
    unit: 'Count',
    about: 'the most sessions of anybody that waited for a lock when a slice looked before its batches',
  },
  Lanes: { of: 'migration', unit: 'Count', about: 'lanes that are at work at the end of a slice' },
  RestSeconds: {
    of: 'migration',
    unit: 'Seconds',
    about: 'rests: pauses for others, for the time limit, the window, or an index that is being built',
  },
  HoldSeconds: {
    of: 'migration',
    unit: 'Seconds',
    about: 'for how long a migration has been held under pressure without a batch',
  },
  SecondsLate: {
    of: 'migration',
    unit: 'Seconds',
    about: 'how far behind its time limit (`within`) a migration is expected to end',
  },
  InvalidRows: { of: 'migration', unit: 'Count', about: 'rows that failed a validation' },
  FailuresTriedAgain: {
    of: 'migration',
    unit: 'Count',
    about: 'failures of the database after which a batch was tried again',
  },
  MigrationsStalled: {
    of: 'stack',
    unit: 'Count',
    about: 'migrations under way without a batch for 15 minutes that nothing explains',
  },
  RunsStarted: { of: 'stack', unit: 'Count', about: 'runs begun, a refused start not among them' },
  RunsSucceeded: { of: 'stack', unit: 'Count', about: 'runs that succeeded' },
  RunsFailed: { of: 'stack', unit: 'Count', about: 'runs that failed, a refused start not among them' },
  FollowUpsFailed: {
    of: 'stack',
    unit: 'Count',
    about: 'executions of follow-up jobs that failed or timed out',
  },
} as const;

export type MetricName = keyof typeof metrics;

/** The metrics of a migration, or those of the stack as a whole. */
export type MetricOf<Whole extends 'migration' | 'stack'> = {
  [Name in MetricName]: (typeof metrics)[Name]['of'] extends Whole ? Name : never;
}[MetricName];
