import { mkdirSync } from 'node:fs';
import type pg from 'pg';
import type { Application } from '../infra/application.ts';
import { synthesize } from '../infra/synthesize.ts';
import { type Assembly, readAssembly } from './assembly/assembly.ts';
import { type LambdaFunction, startFunction } from './lambda/function.ts';
import { type RdsData, type RdsDataOptions, startRdsData } from './rds-data/endpoint.ts';
import { type StepFunctions, startStepFunctions } from './step-functions/step-functions.ts';

export interface RuntimeOptions {
  /** The PostgreSQL behind the Data API. */
  readonly connection: pg.ClientConfig;
  /** Where the stack is synthesized to. */
  readonly outdir: string;
  readonly application: Application;
  /** Variables of the functions, over those of the stack. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes what the functions write, line by line. */
  readonly log?: (line: string) => void;
  /** Free ones by default. */
  readonly rdsDataPort?: number;
  readonly sfnPort?: number;
  readonly statementTimeoutSeconds?: number;
  /** How long a second of Wait and of Retry lasts, in ms. 1000 by default. */
  readonly secondMs?: number;
}

/** The stack, running here: the synthesized machines, the deployed bundles, a real PostgreSQL. */
export interface Runtime {
  readonly rdsData: RdsData;
  readonly stepFunctions: StepFunctions;
  readonly migrate: LambdaFunction;
  /** ARNs of the machine, and of what the Data API is asked with. */
  readonly migrationsMachineArn: string;
  /** Follow-up jobs, each with the ARN of its machine. */
  readonly followUps: Readonly<Record<string, string>>;
  readonly clusterArn: string;
  readonly secretArn: string;
  readonly databaseName: string;
  /** What the SDKs and the `aws` command line need to find the endpoints. */
  readonly clientEnvironment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Synthesizes the stack and runs it on this machine's loopback. A taken port is an error that names the flag. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { connection, outdir, application, log = () => {}, secondMs, statementTimeoutSeconds } = options;
  mkdirSync(outdir, { recursive: true });
  const { template } = synthesize({ outdir, application });
  const assembly = readAssembly(template, { folder: outdir });
  const stack = {
    migrationsMachineArn: assembly.output('MigrationsMachineArn'),
    clusterArn: assembly.output('ClusterArn'),
    secretArn: assembly.output('SecretArn'),
    databaseName: assembly.output('DatabaseName'),
  };

  const { clusterArn: resourceArn, secretArn, databaseName } = stack;
  const rdsDataOptions: RdsDataOptions = {
    database: connection,
    resourceArn,
    secretArn,
    databaseName,
    port: options.rdsDataPort ?? 0,
    ...(statementTimeoutSeconds !== undefined && { statementTimeoutSeconds }),
  };
  const rdsData = await onPort('--rds-data-port', startRdsData(rdsDataOptions));
  const none = { machines: [], functions: [] };
  const sfnOptions = { ...none, port: options.sfnPort ?? 0, ...(secondMs !== undefined && { secondMs }) };
  const stepFunctions = await onPort('--sfn-port', startStepFunctions(sfnOptions)).catch(async (error) => {
    await rdsData.close();
    throw error;
  });

  const clientEnvironment = {
    AWS_ENDPOINT_URL_RDS_DATA: rdsData.url,
    AWS_ENDPOINT_URL_SFN: stepFunctions.url,
    AWS_REGION: stack.migrationsMachineArn.split(':')[3] as string,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
  const environment = { ...clientEnvironment, ...options.environment };
  const functions = assembly.functions.map((spec) =>
    startFunction({ ...spec, log, environment: { ...spec.environment, ...environment } }),
  );
  stepFunctions.deploy({ machines: assembly.machines, functions });
  const { name, environment: variables } = functionCalled(assembly, 'Migrate');

  return {
    ...stack,
    rdsData,
    stepFunctions,
    migrate: functions.find((fn) => fn.name === name) as LambdaFunction,
    followUps: JSON.parse(variables.FOLLOW_UPS ?? '{}') as Record<string, string>,
    clientEnvironment,
    async close() {
      await stepFunctions.close();
      await Promise.all(functions.map((fn) => fn.stop()));
      await rdsData.close();
    },
  };
}

/** The function whose construct has this id as its own, or below it: `Migrations/Migrate/Function` for `Migrate`. */
function functionCalled({ functions }: Assembly, id: string): Assembly['functions'][number] {
  const found = functions.filter(({ logicalId }) => new RegExp(`${id}Function[0-9A-F]*$`).test(logicalId));
  if (found.length === 1) {
    return found[0] as Assembly['functions'][number];
  }
  throw new Error(
    `the stack has ${found.length} functions called ${id}: ${functions.map((f) => f.logicalId).join(', ')}`,
  );
}

async function onPort<T>(flag: string, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE') {
      throw error;
    }
    throw new Error(`port ${port} is taken by another program; choose another one with ${flag}`, {
      cause: error,
    });
  }
}
