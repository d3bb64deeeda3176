import { ArnFormat, Stack } from 'aws-cdk-lib';
import { Alarm, type IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { runbookSection } from '../../functions/notify/runbook-section.ts';
import type { DataApiDatabase } from '../database.ts';
import { type AlarmLimits, alarmDefinitions } from './alarm-definitions.ts';
import type { AlarmName } from './alarm-names.ts';

/**
 * @example
 * new Alarms(this, 'Alarms', { database, tells: new SnsAction(topic), limits: { rowErrors: 100 } });
 */
export interface AlarmsProps {
  /** The database that is migrated. */
  readonly database: Pick<DataApiDatabase, 'cluster' | 'maxConnections'>;
  /** What an alarm does when it goes off, and when it is over. */
  readonly tells: IAlarmAction;
  readonly limits?: AlarmLimits | undefined;
  /** Where the runbook is, for the links: see `OperationsProps`. */
  readonly runbookUrl?: string | undefined;
}

/** The alarms about the migrations of a stack: each is called `STACK-NAME`, and has a section NAME in the runbook. */
export class Alarms extends Construct {
  readonly byName: ReadonlyMap<AlarmName, Alarm>;

  constructor(scope: Construct, id: string, { database, tells, limits = {}, runbookUrl }: AlarmsProps) {
    super(scope, id);
    const { stackName } = Stack.of(this);
    const { clusterArn } = database.cluster;
    const { resourceName = clusterArn } = Stack.of(this).splitArn(clusterArn, ArnFormat.COLON_RESOURCE_NAME);
    const definitions = alarmDefinitions({
      stack: stackName,
      cluster: resourceName,
      maxConnections: database.maxConnections,
      limits,
    });
    this.byName = new Map(
      Object.entries(definitions).map(([key, { meaning, ...definition }]) => {
        const name = key as AlarmName;
        const alarm = new Alarm(this, name, {
          ...definition,
          alarmName: `${stackName}-${name}`,
          alarmDescription: `${meaning} What to do: ${runbookSection(name, runbookUrl)}`,
        });
        alarm.addAlarmAction(tells);
        alarm.addOkAction(tells);
        return [name, alarm];
      }),
    );
  }
}
