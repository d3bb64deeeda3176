import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { type IVpc, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  type DatabaseClusterProps,
  type IDatabaseCluster,
} from 'aws-cdk-lib/aws-rds';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** A database that is reached through the RDS Data API: what the migrations have to know of it. */
export interface DataApiDatabase {
  /** Aurora PostgreSQL with the Data API enabled. */
  readonly cluster: Pick<IDatabaseCluster, 'clusterArn'>;
  /** User name and password of the owner of the tables. */
  readonly secret: ISecret;
  /** The database in the cluster. */
  readonly databaseName: string;
  /** The customer-managed key that encrypts the secret, which whoever reads that must be allowed to use. Default: AWS's own. */
  readonly encryptionKey?: IKey | undefined;
  /**
   * The schema that holds the ledger, made by the first run. Another one for each installation in a database; each is as if it were
   * alone, so no two may migrate the same tables. Default: `data_migrations`.
   */
  readonly ledgerSchema?: string | undefined;
  /** The most connections that it takes: an alarm goes off at 80 % of them. Default: nobody knows, so there is no such alarm. */
  readonly maxConnections?: number | undefined;
}

/**
 * How large the database is, and how protected.
 *
 * @example
 * new Database(this, 'Database', {
 *   minCapacity: 0,
 *   maxCapacity: 4,
 *   engineVersion: '17.7',
 *   isProtected: false,
 *   backupRetention: Duration.days(1),
 * });
 */
export interface DatabaseProps {
  /**
   * Aurora capacity units when there is nothing to do, from 0 on in halves. With 0 the database pauses, and the first request
   * after that waits up to half a minute.
   */
  readonly minCapacity: number;
  /** Aurora capacity units at most: up to 256, in halves. */
  readonly maxCapacity: number;
  /**
   * The version of Aurora PostgreSQL, such as `17.7`. It stays that, since no minor version comes by itself; another one is an upgrade
   * in place. Minor versions retire, and AWS then upgrades.
   */
  readonly engineVersion: string;
  /** Whether the cluster resists being deleted, and leaves a snapshot behind when it is. */
  readonly isProtected: boolean;
  /**
   * ARN of a secret of your own with the user name `postgres` and its password: for Blue/Green deployments and Aurora Global Database,
   * neither of which takes a cluster whose password RDS manages. You rotate it then; if a key of your own encrypts it, that is
   * `encryptionKey`. Default: RDS makes one, and rotates it each week.
   */
  readonly masterSecretArn?: string | undefined;
  /** For how long the database can be restored to any moment: 1 to 35 days. */
  readonly backupRetention: Duration;
  /** A customer-managed key for storage and secret. Default: AWS's own. */
  readonly encryptionKey?: IKey | undefined;
  /** As in `DataApiDatabase`. */
  readonly ledgerSchema?: string | undefined;
}

/** Aurora PostgreSQL Serverless v2, alone in a network that has no way in or out: only the Data API reaches it. */
export class Database extends Construct implements DataApiDatabase {
  readonly cluster: DatabaseCluster;
  /** User name and password of the owner of the tables: a user of its own, or the cluster's master. */
  readonly secret: ISecret;
  readonly databaseName = 'app';
  /** The key that the properties name. */
  readonly encryptionKey: IKey | undefined;
  /** The schema that the properties name. */
  readonly ledgerSchema: string | undefined;
  /** The most connections that it takes, as Aurora computes it from `maxCapacity`. */
  readonly maxConnections: number;

  constructor(scope: Construct, id: string, props: DatabaseProps) {
    super(scope, id);
    this.encryptionKey = props.encryptionKey;
    this.ledgerSchema = props.ledgerSchema;
    this.maxConnections = maxConnectionsOf(props);

    const ownSecret =
      props.masterSecretArn === undefined
        ? undefined
        : Secret.fromSecretCompleteArn(this, 'MasterSecret', props.masterSecretArn);
    const vpc = new Vpc(this, 'Network', {
      maxAzs: 2, // the fewest that Aurora takes
      natGateways: 0,
      subnetConfiguration: [{ name: 'database', subnetType: SubnetType.PRIVATE_ISOLATED }],
      restrictDefaultSecurityGroup: false, // it would take a Lambda to empty a group that nothing is in
    }) as IVpc; // the CDK types optional fields looser in the class than in the interface
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
      writer: ClusterInstance.serverlessV2('Writer', { autoMinorVersionUpgrade: false }),
      serverlessV2MinCapacity: props.minCapacity,
      serverlessV2MaxCapacity: props.maxCapacity,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      defaultDatabaseName: this.databaseName,
      enableDataApi: true,
      ...masterUserOf(ownSecret, props.encryptionKey),
      iamAuthentication: true,
      storageEncrypted: true,
      ...(props.encryptionKey && { storageEncryptionKey: props.encryptionKey }),
      deletionProtection: props.isProtected,
      removalPolicy: props.isProtected ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
      backup: { retention: props.backupRetention },
      copyTagsToSnapshot: true,
    });
    this.secret = ownSecret ?? secretOf(this.cluster);
    if (!props.isProtected) {
      acknowledge(this.cluster, 'AwsSolutions-RDS10', 'Of a stage that can be deleted, so can the database.');
    }
  }
}

const masterUser = 'postgres';

/** Who may do everything, and by which password. */
function masterUserOf(
  own: ISecret | undefined,
  encryptionKey: IKey | undefined,
): Pick<DatabaseClusterProps, 'credentials' | 'manageMasterUserPassword'> {
  if (own !== undefined) {
    return { credentials: Credentials.fromPassword(masterUser, own.secretValueFromJson('password')) };
  }
  return {
    manageMasterUserPassword: true, // RDS rotates it every week, and the Data API reads it anew each time
    ...(encryptionKey && { credentials: Credentials.fromUsername(masterUser, { encryptionKey }) }),
  };
}

/**
 * A database that is there already: all three of its names, as AWS has them.
 *
 * @example
 * existingDatabase(this, {
 *   clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders',
 *   secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd',
 *   databaseName: 'orders',
 * });
 */
export interface ExistingDatabase {
  /** Aurora PostgreSQL with the Data API enabled. */
  readonly clusterArn: string;
  /** The complete ARN, with the six characters that Secrets Manager appended. */
  readonly secretArn: string;
  /** The database in the cluster. */
  readonly databaseName: string;
  /** The customer-managed key that encrypts the secret. Default: AWS's own. */
  readonly encryptionKey?: IKey | undefined;
  /** As in `DataApiDatabase`. */
  readonly ledgerSchema?: string | undefined;
  /** As in `DataApiDatabase`. */
  readonly maxConnections?: number | undefined;
}

/** A database that is there already. The stack makes nothing for it, and changes nothing about it. */
export function existingDatabase(
  scope: Construct,
  { clusterArn, secretArn, ...rest }: ExistingDatabase,
): DataApiDatabase {
  return {
    cluster: { clusterArn },
    secret: Secret.fromSecretCompleteArn(scope, 'Secret', secretArn),
    ...rest,
  };
}

/**
 * What Aurora makes of the capacities, at least: 189 connections for each unit at most, and 5,000 in all; 2,000 where it may shrink to
 * half a unit or to none.
 */
function maxConnectionsOf({ minCapacity, maxCapacity }: DatabaseProps): number {
  return Math.min(Math.floor(189 * maxCapacity), minCapacity <= 0.5 ? 2_000 : 5_000);
}

function secretOf(cluster: DatabaseCluster): ISecret {
  if (!cluster.secret) {
    throw new Error('The cluster has no secret: RDS makes one when manageMasterUserPassword is set.');
  }
  return cluster.secret;
}
