import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IVpc, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
  type IDatabaseCluster,
} from 'aws-cdk-lib/aws-rds';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** A database that is reached through the RDS Data API: all that the migrations need to know of it. */
export interface DataApiDatabase {
  /** Aurora PostgreSQL with the Data API enabled. */
  readonly cluster: Pick<IDatabaseCluster, 'clusterArn'>;
  /** User name and password of the owner of the tables. */
  readonly secret: ISecret;
  readonly databaseName: string;
}

export interface DatabaseProps {
  /** Aurora capacity units at rest; 0 pauses it when nobody asks, and the first to ask waits half a minute. */
  readonly minCapacity: number;
  /** Aurora capacity units at most. */
  readonly maxCapacity: number;
  /** Minor versions retire: moving on is a setting, and an upgrade in place. */
  readonly engineVersion: string;
  readonly backupRetention: Duration;
}

/** Aurora PostgreSQL Serverless v2, alone in a network that has no way in or out: the Data API is its only door. */
export class Database extends Construct implements DataApiDatabase {
  readonly cluster: DatabaseCluster;
  readonly secret: ISecret;
  readonly databaseName = 'app';

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);

    const vpc = new Vpc(this, 'Network', {
      maxAzs: 2, // what Aurora asks for
      natGateways: 0,
      subnetConfiguration: [{ name: 'database', subnetType: SubnetType.PRIVATE_ISOLATED }],
      restrictDefaultSecurityGroup: false, // it would take a Lambda to empty a group that nothing is in
    }) as IVpc; // its optional fields are typed looser than the interface's
    acknowledge(vpc, 'AwsSolutions-VPC7', 'Without a route in or out there is no flow to log.');

    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine: DatabaseClusterEngine.auroraPostgres({
        version: AuroraPostgresEngineVersion.of(
          props.engineVersion,
          props.engineVersion.split('.')[0] ?? '',
          {
            serverlessV2AutoPauseSupported: true,
          },
        ),
      }),
      writer: ClusterInstance.serverlessV2('Writer'),
      serverlessV2MinCapacity: props.minCapacity,
      serverlessV2MaxCapacity: props.maxCapacity,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      defaultDatabaseName: this.databaseName,
      enableDataApi: true,
      manageMasterUserPassword: true, // RDS rotates it every week, and the Data API reads it anew each time
      iamAuthentication: true,
      storageEncrypted: true,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      backup: { retention: props.backupRetention },
      copyTagsToSnapshot: true,
    });
    this.secret = secretOf(this.cluster);
  }
}

export interface ExistingDatabase {
  readonly clusterArn: string;
  /** The complete ARN, with the six characters that Secrets Manager appended. */
  readonly secretArn: string;
  readonly databaseName: string;
}

/** A database that is there already. */
export function existingDatabase(
  scope: Construct,
  { clusterArn, secretArn, databaseName }: ExistingDatabase,
): DataApiDatabase {
  return {
    cluster: { clusterArn },
    secret: Secret.fromSecretCompleteArn(scope, 'Secret', secretArn),
    databaseName,
  };
}

function secretOf(cluster: DatabaseCluster): ISecret {
  if (!cluster.secret) {
    throw new Error('The cluster has no secret: RDS makes one when manageMasterUserPassword is set.');
  }
  return cluster.secret;
}
