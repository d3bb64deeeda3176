import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  type ListExecutionsInput,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { MigrateRequest, RebuildRequest, ResultMap } from '../../functions/contract.ts';
import type { Application } from '../../infra/application.ts';
import { synthesize } from '../../infra/synthesize.ts';
import { type Assembly, readAssembly } from '../../local/assembly/assembly.ts';
import type { Template } from '../../local/assembly/template.ts';
import { type LambdaFunction, startFunction } from '../../local/lambda/function.ts';
import type { Outcome } from '../../local/lambda/outcome.ts';
import { type Runtime, startRuntime } from '../../local/runtime.ts';
import { assemblyFolder } from './assembly-folder.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { demoApplication, rebuildJob } from './demo.ts';
import { type Fault, type ProxiedCall, startFaultProxy } from './fault-proxy.ts';

export interface TestRuntimeOptions {
  /** A file in test/machine/fixtures that exports the `migrate` handler; the real one by default. */
  readonly fixture?: string;
  /** As `cdk -c key=value`. */
  readonly context?: Readonly<Record<string, string>>;
  /** Variables of the functions, over those of the stack. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long a second of Wait and of Retry lasts, in ms. */
  readonly secondMs?: number;
  /** The URL of the PostgreSQL that has the database; that of the test run by default. */
  readonly cluster?: string;
}

export type LambdaRequest = MigrateRequest | RebuildRequest;

/** What stands between the parts, for a test to break them; put away by `reset`. */
export interface Between {
  /** Decides about each call from a function to the Data API. */
  call?: ((call: ProxiedCall) => Fault | Promise<Fault>) | undefined;
  /** Stands between the machines and the functions. */
  invocation?: ((request: LambdaRequest, invoke: () => Promise<Outcome>) => Promise<Outcome>) | undefined;
}

/** An execution as it ended, its output parsed. */
export interface Ended extends DescribeExecutionOutput {
  readonly result: ResultMap;
}

/** The whole chain, with a database of its own and a hand between its parts. */
export interface TestRuntime extends Runtime {
  readonly database: TestDatabase;
  /** The machine of the demo's follow-up job. */
  readonly rebuildMachineArn: string;
  readonly between: Between;
  /** What the functions wrote. */
  readonly log: string[];
  /** Invokes one of the functions that look at the machines from outside. Throws unless it succeeds. */
  invoke(service: 'watch' | 'notify', event: object): Promise<void>;
  /** Stops what still runs, empties the ledger, puts away what stands between the parts, and the versions that were released. */
  reset(): Promise<void>;
  /** Starts an execution of the migrations machine, or of another. */
  start(input?: unknown, machineArn?: string, name?: string): Promise<string>;
  describe(executionArn: string): Promise<Ended>;
  /** Waits for an execution to end, whichever way. */
  ended(executionArn: string): Promise<Ended>;
  /** Starts the migrations and waits for their end. */
  run(input?: unknown): Promise<Ended>;
  stop(executionArn: string): Promise<void>;
  redrive(executionArn: string): Promise<void>;
  history(executionArn: string): Promise<HistoryEvent[]>;
  /** ARNs of a machine's executions, oldest first. */
  executions(machineArn: string): Promise<string[]>;
  /** Does a call as the proxy would, and waits until it is done: for what is to happen just after it. */
  forward(call: ProxiedCall): Promise<void>;
  /** Ends every worker of the functions, in the middle of whatever they do. */
  crash(): Promise<void>;
  /** Gives the functions, as they are, another timeout. */
  setTimeoutSeconds(seconds: number): void;
  /**
   * Puts a new version of the functions, and machines that use it, beside what there is; `environment` is this version's alone. A
   * fixture is synthesized and bundled once, however many releases are made of it.
   */
  release(fixture: string, version: string, environment?: Readonly<Record<string, string>>): void;
}

/** Starts the stack on a fresh database. It takes a few seconds: share one per test file. */
export async function startTestRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const { fixture, context = {}, environment = {}, secondMs = 20, cluster } = options;
  const database = await freshDatabase({ name: 'machine', cluster });
  const between: Between = {};
  const log: string[] = [];
  const runtime = await startRuntime({
    connection: { connectionString: database.url },
    outdir: assemblyFolder(),
    application: applicationOf(fixture),
    context,
    secondMs,
  });
  const { stepFunctions, clientEnvironment, migrationsMachineArn } = runtime;
  const rebuildMachineArn = runtime.followUps[rebuildJob] as string;
  const proxy = await startFaultProxy({
    target: runtime.rdsData.url,
    onCall: (call) => between.call?.(call) ?? 'pass',
  });

  // Functions that reach the Data API through the proxy, and are reached through `between`. They stand in front of the
  // runtime's own: of one name and version, the machine asks the latest that was deployed.
  const functions: LambdaFunction[] = [];
  const deploy = ({ functions: specs, machines }: Assembly, over: Over = {}) => {
    const deployed = specs.map((spec) =>
      startFunction({
        ...spec,
        timeoutSeconds: over.timeoutSeconds ?? spec.timeoutSeconds,
        log: (line) => log.push(line),
        environment: {
          ...spec.environment,
          ...clientEnvironment,
          AWS_ENDPOINT_URL_RDS_DATA: proxy.url,
          POWERTOOLS_LOG_LEVEL: 'WARN',
          SHOW_ROW_DATA: 'true', // tests look at which rows it was
          ...environment,
          ...over.environment,
        },
      }),
    );
    functions.push(...deployed);
    stepFunctions.deploy({ machines, functions: deployed.map(hooked) });
  };
  let underWay = 0;
  const hooked = (fn: LambdaFunction): LambdaFunction => ({
    ...fn,
    invoke: (payload, arn) => {
      const invoke = async () => {
        underWay += 1;
        try {
          return await fn.invoke(payload, arn);
        } finally {
          underWay -= 1;
        }
      };
      return between.invocation?.(payload as LambdaRequest, invoke) ?? invoke();
    },
  });
  const first = synthesisOf(fixture, context);
  const synthesized = new Map([[fixture, first]]);
  const deployFirst = (over?: Over) => deploy(assemblyOf(first), over);
  let released = false;
  deployFirst();

  const sfn = new SFNClient({
    endpoint: stepFunctions.url,
    region: clientEnvironment.AWS_REGION as string,
    credentials: runtime.credentials,
  });
  const describe = async (executionArn: string): Promise<Ended> => {
    const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    return { ...execution, result: JSON.parse(execution.output ?? 'null') };
  };
  const start = async (input: unknown = {}, stateMachineArn = migrationsMachineArn, name?: string) => {
    const command = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
    return (await sfn.send(command)).executionArn as string;
  };
  const ended = async (executionArn: string): Promise<Ended> => {
    for (;;) {
      const execution = await describe(executionArn);
      if (execution.status !== 'RUNNING') {
        return execution;
      }
      await sleep(20);
    }
  };

  const stop = async (executionArn: string): Promise<void> => {
    await sfn.send(new StopExecutionCommand({ executionArn }));
  };
  const list = async (input: ListExecutionsInput): Promise<string[]> => {
    const { executions = [] } = await sfn.send(new ListExecutionsCommand(input));
    return executions.map(({ executionArn }) => executionArn as string).reverse();
  };

  const crash = async () => {
    await Promise.all(functions.map((fn) => fn.kill()));
  };

  return {
    ...runtime,
    database,
    rebuildMachineArn,
    between,
    log,
    async invoke(service, event) {
      const called = new RegExp(`${service}Function`, 'i');
      const outcome = await functions.find(({ name }) => called.test(name))?.invoke(event);
      if (outcome?.status !== 'succeeded') {
        throw new Error(`${service} did not succeed: ${JSON.stringify(outcome)}`);
      }
    },
    crash,
    async reset() {
      between.call = undefined;
      between.invocation = undefined;
      for (const stateMachineArn of [migrationsMachineArn, rebuildMachineArn]) {
        for (const running of await list({ stateMachineArn, statusFilter: 'RUNNING' })) {
          await stop(running);
        }
      }
      // Stopping an execution does not stop its function, and what that holds in a transaction would be held for minutes.
      if (underWay > 0) {
        await crash();
      }
      await database.query(`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'rds-data' AND state LIKE 'idle in transaction%'`);
      if (released) {
        released = false;
        deployFirst();
      }
      log.length = 0;
      const tables = await database.query<{ name: string }>(`
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname = 'data_migrations' AND tablename <> 'version'`);
      if (tables.length > 0) {
        await database.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
      }
    },
    start,
    describe,
    ended,
    run: async (input) => ended(await start(input)),
    stop,
    redrive: async (executionArn) => {
      await sfn.send(new RedriveExecutionCommand({ executionArn }));
    },
    async history(executionArn) {
      const events: HistoryEvent[] = [];
      for (const input = { executionArn, maxResults: 1000, nextToken: undefined as string | undefined }; ; ) {
        const page = await sfn.send(new GetExecutionHistoryCommand(input));
        events.push(...(page.events ?? []));
        input.nextToken = page.nextToken;
        if (page.nextToken === undefined) {
          return events;
        }
      }
    },
    executions: (stateMachineArn) => list({ stateMachineArn }),
    async forward({ path, body, headers: { authorization = '' } }) {
      const headers = { 'content-type': 'application/json', authorization };
      const answer = await fetch(new URL(path, runtime.rdsData.url), { method: 'POST', headers, body });
      await answer.arrayBuffer();
    },
    setTimeoutSeconds(seconds) {
      deployFirst({ timeoutSeconds: seconds });
    },
    release(next, version, own = {}) {
      const known = synthesized.get(next) ?? synthesisOf(next);
      synthesized.set(next, known);
      deploy(assemblyOf(known, version), { environment: own });
      released = true;
    },
    async close() {
      await runtime.close();
      await Promise.all(functions.map((fn) => fn.stop()));
      await proxy.close();
      sfn.destroy();
      await database.drop();
    },
  };
}

/** What a deployment has in place of what the template says. */
interface Over {
  readonly timeoutSeconds?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

function synthesisOf(fixture: string | undefined, context: Readonly<Record<string, string>> = {}): Template {
  return synthesize({ outdir: assemblyFolder(), application: applicationOf(fixture), context }).template;
}

function assemblyOf(template: Template, version?: string): Assembly {
  return readAssembly(template, { folder: assemblyFolder(), ...(version !== undefined && { version }) });
}

/** The demo, with a fixture's migrations instead of its own. */
function applicationOf(fixture: string | undefined): Application {
  if (fixture === undefined) {
    return demoApplication();
  }
  const migrate = fileURLToPath(new URL(`../machine/fixtures/${fixture}.ts`, import.meta.url));
  return demoApplication({ migrate });
}
