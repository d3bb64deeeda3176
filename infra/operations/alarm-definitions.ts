import { Duration } from 'aws-cdk-lib';
import {
  ComparisonOperator,
  type CreateAlarmOptions,
  type IMetric,
  Metric,
  Stats,
  TreatMissingData,
  Unit,
} from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metrics, namespace } from '../../functions/metrics.ts';
import { secondsBetweenLooks } from '../../functions/watch/look.ts';
import type { AlarmName } from './alarm-names.ts';

/** From where on an alarm goes off, where that is a matter of taste. */
export interface AlarmLimits {
  /**
   * Rows that could not be migrated, within five minutes, over all migrations. Default: 10, a tenth of the row errors that end a run
   * (`errorBudget`) unless its author says otherwise. Rows that are known to be bad want more.
   */
  readonly rowErrors?: number | undefined;
  /** For how long, in seconds, a migration is held under pressure. Default: 1,800; after an hour (`pressureTimeout`) its run fails. */
  readonly heldSeconds?: number | undefined;
  /** For how long, in seconds, one batch in ten locks its rows. Default: 1, ten times what a batch aims at (`pace.targetSeconds`). */
  readonly lockSeconds?: number | undefined;
}

/** What the alarms are about. */
export interface Watched {
  /** The value of the metrics' dimension `stack`. */
  readonly stack: string;
  /** The identifier of the database's cluster. */
  readonly cluster: string;
  /** The most connections that the database takes. Where nobody knows, there is no alarm about them. */
  readonly maxConnections?: number | undefined;
  readonly limits: AlarmLimits;
}

/** An alarm, without its name and what it does. */
export interface AlarmDefinition
  extends Omit<CreateAlarmOptions, 'alarmName' | 'alarmDescription' | 'actionsEnabled'> {
  readonly metric: IMetric;
  /** One sentence: what has happened. */
  readonly meaning: string;
}

const fiveMinutes = Duration.minutes(5);

/**
 * Every alarm by its name. All are about the stack as a whole, so that a new migration needs no alarm of its own: the runbook says how to
 * find which one it is. Migrations run rarely, and send nothing in between: no data is as it should be, but for the watcher's.
 */
export function alarmDefinitions(watched: Watched): Readonly<Partial<Record<AlarmName, AlarmDefinition>>> {
  const { stack, maxConnections, limits } = watched;
  const { rowErrors = 10, heldSeconds = 1_800, lockSeconds = 1 } = limits;
  const ours = (name: MetricName, statistic: string, period = fiveMinutes) =>
    new Metric({
      namespace,
      metricName: name,
      dimensionsMap: { stack },
      unit: metrics[name].unit as Unit,
      statistic,
      period,
    });
  return {
    'run-failed': {
      meaning: 'A run of the migrations has failed; a start that was refused is none.',
      metric: ours('RunsFailed', Stats.SUM),
      ...from(1),
    },
    'follow-up-failed': {
      meaning: 'A job that followed a run has failed, so what it builds is not up to date.',
      metric: ours('FollowUpsFailed', Stats.SUM),
      ...from(1),
    },
    stalled: {
      meaning: 'A migration is under way and has done no batch for 15 minutes, although nothing keeps it.',
      metric: ours('MigrationsStalled', Stats.MAXIMUM),
      ...from(1),
      // Each look says so or that it is over; a look may fall just outside of a period.
      treatMissingData: TreatMissingData.IGNORE,
    },
    held: {
      meaning: `A migration has been held for ${heldSeconds / 60} minutes because the database is under pressure.`,
      // While it is held it looks again ever later, after an hour each quarter of an hour.
      metric: ours('HoldSeconds', Stats.MAXIMUM, Duration.minutes(15)),
      ...from(heldSeconds),
    },
    late: {
      meaning:
        'A migration is expected to end later than its author allowed (within), although it rests no more.',
      // Twice within a quarter of an hour: each slice of up to four minutes plans anew, and one slow slice is none.
      metric: ours('SecondsLate', Stats.MAXIMUM),
      ...from(1, { outOf: 3, datapoints: 2 }),
    },
    'row-errors': {
      meaning: `${rowErrors} rows or more could not be migrated within five minutes, and were left as they were.`,
      metric: ours('RowErrors', Stats.SUM),
      ...from(rowErrors),
    },
    'validation-failed': {
      meaning: 'Migrated rows do not meet the validations of their migration.',
      metric: ours('InvalidRows', Stats.MAXIMUM),
      ...from(1),
    },
    'batches-slow': {
      meaning: `One batch in ten keeps its rows locked for ${lockSeconds} s or longer, and who wants to write them waits.`,
      metric: ours('LockSeconds', 'p90'),
      ...from(lockSeconds, { outOf: 3, datapoints: 2 }),
    },
    'database-at-capacity': {
      meaning: 'The database has worked near its highest capacity for 15 minutes.',
      metric: ofWriter(watched, 'ACUUtilization', Stats.AVERAGE, Unit.PERCENT),
      ...from(90, { outOf: 3, datapoints: 3 }),
    },
    ...(maxConnections !== undefined && {
      'database-connections': {
        meaning: `The database has 80 % of its ${maxConnections} connections in use.`,
        metric: ofWriter(watched, 'DatabaseConnections', Stats.MAXIMUM, Unit.COUNT),
        ...from(Math.floor(maxConnections * 0.8), { outOf: 3, datapoints: 3 }),
      },
    }),
    'watcher-silent': {
      meaning: 'Nobody looks whether migrations stand still: the watcher has not done so for 15 minutes.',
      metric: ours('MigrationsStalled', Stats.SAMPLE_COUNT, Duration.seconds(secondsBetweenLooks)),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      treatMissingData: TreatMissingData.BREACHING,
    },
  };
}

/** Goes off at this value or above: once, or in so many periods out of so many. */
function from(
  threshold: number,
  { outOf = 1, datapoints = 1 } = {},
): Omit<AlarmDefinition, 'metric' | 'meaning'> {
  return {
    threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: outOf,
    datapointsToAlarm: datapoints,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  };
}

/** A metric of Aurora, of the one instance that migrations write to. */
function ofWriter(
  { cluster }: Watched,
  metricName: 'ACUUtilization' | 'DatabaseConnections',
  statistic: string,
  unit: Unit,
): Metric {
  return new Metric({
    namespace: 'AWS/RDS',
    metricName,
    dimensionsMap: { DBClusterIdentifier: cluster, Role: 'WRITER' },
    statistic,
    unit,
    period: fiveMinutes,
  });
}
