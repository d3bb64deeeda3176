import { mkdirSync } from 'node:fs';
import type pg from 'pg';
import type { Application } from '../infra/application.ts';
import { synthesize } from '../infra/synthesize.ts';
import { parseArn } from './arn.ts';
import { type Assembly, readAssembly } from './assembly/assembly.ts';
import { type Credentials, newCredentials } from './http/caller.ts';
import { type LambdaFunction, startFunction } from './lambda/function.ts';
import type { RdsData } from './rds-data/endpoint.ts';
import { type Endpoints, type EndpointsOptions, startEndpoints } from './runtime/endpoints.ts';
import { followUpsOf, migrateFunctionOf } from './runtime/migrate-function.ts';
import type { Sns } from './sns/sns.ts';
import type { StepFunctions } from './step-functions/step-functions.ts';

export interface RuntimeOptions {
  /** The PostgreSQL behind the Data API. */
  readonly connection: pg.ClientConfig;
  /** The folder that the stack is synthesized into, made when missing. */
  readonly outdir: string;
  readonly application: Application;
  /** As `cdk -c key=value`, for the stack. */
  readonly context?: Readonly<Record<string, string>>;
  /** Variables of the functions, over those of the stack. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes what the functions write, line by line. */
  readonly log?: (line: string) => void;
  /** The Data API's port; any free one by default. */
  readonly rdsDataPort?: number;
  /** The port of Step Functions; any free one by default. */
  readonly sfnPort?: number;
  /** How long a call to the Data API may take; 45 s by default, as with the service. */
  readonly statementTimeoutSeconds?: number;
  /** How many milliseconds a second of Wait and of Retry lasts; 1000 by default. */
  readonly secondMs?: number;
}

/** The stack, running on this machine: the synthesized machines, the deployed bundles, a real PostgreSQL. */
export interface Runtime {
  readonly rdsData: RdsData;
  readonly stepFunctions: StepFunctions;
  readonly sns: Sns;
  readonly migrate: LambdaFunction;
  /** All functions of the stack, `migrate` among them. */
  readonly functions: readonly LambdaFunction[];
  /** The alarms of the stack. */
  readonly alarms: Assembly['alarms'];
  readonly migrationsMachineArn: string;
  /** Follow-up jobs, each with the ARN of its machine. */
  readonly followUps: Readonly<Record<string, string>>;
  /** What calls to the Data API name: the cluster, its secret, the database. */
  readonly clusterArn: string;
  readonly secretArn: string;
  readonly databaseName: string;
  /** What calls to the endpoints must be signed with: others with each start. */
  readonly credentials: Credentials;
  /** The variables by which the SDKs and the `aws` command line find the endpoints, and are let in. */
  readonly clientEnvironment: Readonly<Record<string, string>>;
  /** Stops endpoints and functions. The database is the caller's. */
  close(): Promise<void>;
}

/**
 * Synthesizes the stack of an application and runs it on this machine's loopback.
 *
 * @throws an error that names the flag for another port, when a port is taken.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const assembly = synthesizedAssembly(options);
  const stack = {
    migrationsMachineArn: assembly.output('MigrationsMachineArn'),
    clusterArn: assembly.output('ClusterArn'),
    secretArn: assembly.output('SecretArn'),
    databaseName: assembly.output('DatabaseName'),
  };
  const migrateSpec = migrateFunctionOf(assembly);
  const followUps = followUpsOf(migrateSpec);

  const credentials = newCredentials();
  const endpoints = await startEndpoints(endpointsOptions(options, stack, credentials));
  const clientEnvironment = clientEnvironmentOf(endpoints, credentials, stack.migrationsMachineArn);

  const start = (spec: Assembly['functions'][number]): LambdaFunction =>
    startFunction({
      ...spec,
      environment: { ...spec.environment, ...clientEnvironment, ...options.environment },
      log: options.log ?? (() => {}),
    });
  const migrate = start(migrateSpec);
  const others = assembly.functions.filter((spec) => spec !== migrateSpec).map(start);
  const functions = [migrate, ...others];
  endpoints.stepFunctions.deploy({ machines: assembly.machines, functions });

  return {
    ...stack,
    ...endpoints,
    migrate,
    functions,
    alarms: assembly.alarms,
    followUps,
    credentials,
    clientEnvironment,
    async close() {
      await endpoints.stepFunctions.close();
      await Promise.all(functions.map((each) => each.stop()));
      await endpoints.rdsData.close();
      await endpoints.sns.close();
    },
  };
}

function synthesizedAssembly({ outdir, application, context = {} }: RuntimeOptions): Assembly {
  mkdirSync(outdir, { recursive: true });
  const { template } = synthesize({ outdir, application, context });
  return readAssembly(template, { folder: outdir });
}

function endpointsOptions(
  { connection, rdsDataPort = 0, sfnPort = 0, statementTimeoutSeconds, secondMs }: RuntimeOptions,
  { clusterArn, secretArn, databaseName }: Pick<Runtime, 'clusterArn' | 'secretArn' | 'databaseName'>,
  { accessKeyId }: Credentials,
): EndpointsOptions {
  return {
    rdsData: {
      database: connection,
      accessKeyId,
      resourceArn: clusterArn,
      secretArn,
      databaseName,
      port: rdsDataPort,
      ...(statementTimeoutSeconds !== undefined && { statementTimeoutSeconds }),
    },
    stepFunctions: { accessKeyId, port: sfnPort, ...(secondMs !== undefined && { secondMs }) },
  };
}

function clientEnvironmentOf(
  { rdsData, stepFunctions, sns }: Endpoints,
  { accessKeyId, secretAccessKey }: Credentials,
  machineArn: string,
): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL_RDS_DATA: rdsData.url,
    AWS_ENDPOINT_URL_SFN: stepFunctions.url,
    AWS_ENDPOINT_URL_SNS: sns.url,
    AWS_REGION: parseArn(machineArn).region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
}
