import { listPrices } from '../../infra/prices.ts';

/** A month has so many hours, as AWS counts. */
export const hoursInMonth = 730;

/** What is assumed to be in the database. */
export const storedGigabytes = 10;

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** What one kind of resource costs a month while nothing runs, in dollars. */
export interface AtRest {
  readonly what: string;
  readonly dollars: number;
}

/** Resources that cost nothing by being there. What they are used for costs what a run costs. */
const free: ReadonlySet<string> = new Set([
  ...['VPC', 'Subnet', 'RouteTable', 'SubnetRouteTableAssociation', 'SecurityGroup'].map(
    (of) => `AWS::EC2::${of}`,
  ),
  ...['AWS::RDS::DBSubnetGroup', 'AWS::RDS::DBInstance'], // of a cluster that is paid by its capacity
  ...[
    'AWS::IAM::Role',
    'AWS::IAM::Policy',
    'AWS::Lambda::Function',
    'AWS::Lambda::Version',
    'AWS::Lambda::Permission',
  ],
  ...['AWS::StepFunctions::StateMachine', 'AWS::Logs::LogGroup', 'AWS::Logs::QueryDefinition'],
  ...[
    'AWS::SNS::Topic',
    'AWS::SNS::TopicPolicy',
    'AWS::SNS::Subscription',
    'AWS::SQS::Queue',
    'AWS::SQS::QueuePolicy',
  ],
  ...['AWS::Events::Rule', 'AWS::Scheduler::Schedule'],
]);

const priced: Readonly<Record<string, (properties: Readonly<Record<string, unknown>>) => readonly AtRest[]>> =
  {
    'AWS::RDS::DBCluster': ({ ServerlessV2ScalingConfiguration, ManageMasterUserPassword }) => {
      const { MinCapacity } = ServerlessV2ScalingConfiguration as { readonly MinCapacity: number };
      return [
        {
          what: 'Aurora capacity',
          dollars: MinCapacity * hoursInMonth * listPrices.aurora_per_acu_hour,
        },
        {
          what: `Aurora storage, ${storedGigabytes} GB`,
          dollars: storedGigabytes * listPrices.aurora_storage_per_gb_month,
        },
        ...(ManageMasterUserPassword === true
          ? [{ what: 'Secret', dollars: listPrices.secret_per_month }]
          : []),
      ];
    },
    'AWS::SecretsManager::Secret': () => [{ what: 'Secret', dollars: listPrices.secret_per_month }],
    'AWS::KMS::Key': () => [{ what: 'Key', dollars: listPrices.key_per_month }],
    'AWS::CloudWatch::Alarm': () => [{ what: 'Alarms', dollars: listPrices.alarm_per_month }],
    'AWS::CloudWatch::CompositeAlarm': () => [
      { what: 'Alarms', dollars: listPrices.composite_alarm_per_month },
    ],
    'AWS::CloudWatch::Dashboard': () => [{ what: 'Dashboard', dollars: listPrices.dashboard_per_month }],
  };

/**
 * What the resources of templates cost a month while nothing runs, those of a kind together. Throws for a type of resource that it does not
 * know the price of.
 */
export function costAtRest(resources: readonly Resource[]): readonly AtRest[] {
  const sums = new Map<string, number>();
  for (const { Type, Properties = {} } of resources) {
    const price = priced[Type];
    if (price === undefined && !free.has(Type)) {
      throw new Error(`What does ${Type} cost while nothing runs? Say so in cli/docs/cost-at-rest.ts`);
    }
    for (const { what, dollars } of price?.(Properties) ?? []) {
      sums.set(what, (sums.get(what) ?? 0) + dollars);
    }
  }
  return [...sums].map(([what, dollars]) => ({ what, dollars }));
}
