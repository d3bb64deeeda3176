import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { DataApiDatabase } from '../database.ts';
import type { AlarmLimits } from './alarm-definitions.ts';
import { Alarms } from './alarms.ts';
import { Notices } from './notices.ts';
import { NoticesTopic } from './topic.ts';
import { Watcher } from './watcher.ts';

/** What an operator sets. */
export interface OperationsSettings {
  /** Who is told of alarms, and of how runs ended: see `NoticesTopicProps`. Default: nobody; the topic is there to be subscribed to. */
  readonly tell?: readonly string[] | undefined;
  /** From where on alarms go off. */
  readonly limits?: AlarmLimits | undefined;
  /**
   * The address at which your people read `docs/runbook.md`, such as `https://github.com/you/yours/blob/main/docs/runbook.md`: alarms
   * and notices link its sections. Default: its path in the repository.
   */
  readonly runbookUrl?: string | undefined;
}

/**
 * What is watched, and who is told.
 *
 * @example
 * new Operations(this, 'Operations', {
 *   machine: migrations.machine,
 *   followUps: [rebuildOrders],
 *   database,
 *   tell: ['ops@example.org'],
 * });
 */
export interface OperationsProps extends OperationsSettings {
  /** The machine that runs the migrations. */
  readonly machine: IStateMachine;
  /** The machines of the follow-up jobs. */
  readonly followUps: readonly IStateMachine[];
  /** The database that is migrated. */
  readonly database: DataApiDatabase;
}

/** What tells people: the watcher, alarms, and notices of how runs ended. */
export class Operations extends Construct {
  readonly topic: NoticesTopic;
  readonly watcher: Watcher;
  readonly alarms: Alarms;
  readonly notices: Notices;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    const { machine, followUps, database, tell = [], limits, runbookUrl } = props;
    this.topic = new NoticesTopic(this, 'Topic', { tell });
    this.watcher = new Watcher(this, 'Watcher', { machine, followUps, database });
    this.alarms = new Alarms(this, 'Alarms', {
      database,
      tells: new SnsAction(this.topic.topic),
      limits,
      runbookUrl,
    });
    this.notices = new Notices(this, 'Notices', { machine, followUps, topic: this.topic, runbookUrl });
  }
}
