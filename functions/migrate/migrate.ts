import { Logger } from '@aws-lambda-powertools/logger';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { MigrateRequest, OfOneMigration } from '../contract.ts';
import { lambdaClock } from '../engine/clock.ts';
import { stackDatabase, waitsFor } from '../engine/database/data-api.ts';
import type { Migration } from '../engine/define/migration.ts';
import { MigrationFailed } from '../engine/errors.ts';
import { operation } from '../engine/invocation.ts';
import { executionStatus } from '../engine/ledger/execution-status.ts';
import { useSchema } from '../engine/ledger/names.ts';
import { sendMetrics } from '../send-metrics.ts';
import { batches } from './batches.ts';
import { cleanup } from './cleanup.ts';
import { close } from './close.ts';
import type { Engine } from './engine.ts';
import { environment } from './environment.ts';
import { fail } from './fail.ts';
import { lane } from './lane.ts';
import { open } from './open.ts';
import { pending } from './pending.ts';
import { registry } from './registry.ts';
import { restore } from './restore.ts';
import { type Turn, withMigration } from './turn.ts';
import { validate } from './validate.ts';

/** What Lambda calls for each operation of the migrations machine. */
export type Handler = (request: MigrateRequest, context: Invocation) => Promise<unknown>;

/** As much of Lambda's context as is asked: how long the invocation may still take. */
export interface Invocation {
  getRemainingTimeInMillis(): number;
}

/** What the handler works with: from its environment, unless a test hands in something else. */
export type Surroundings = Pick<Engine, 'database' | 'statusOf' | 'clock' | 'metrics'> & {
  readonly env: NodeJS.ProcessEnv;
};

/**
 * The Lambda handler of the migrations machine, for migrations in the order in which they are to run. Configured by its
 * environment: see environment.ts. Throws MigrationFailed, when the module is loaded, if the list cannot work.
 *
 * @example
 * export const handler = migrate(migrations);
 */
export function migrate(migrations: readonly Migration[]): Handler {
  return migrateIn({}, migrations);
}

/** The same, in surroundings of which a test hands in some. */
export function migrateIn(given: Partial<Surroundings>, migrations: readonly Migration[]): Handler {
  const checked = registry(migrations);
  const { env = process.env, clock = lambdaClock } = given;
  const { ledgerSchema, stack, ...settings } = environment(env);
  const { showsRowData } = settings;
  useSchema(ledgerSchema);
  const logger = new Logger();
  const engine = {
    migrations: checked,
    ...settings,
    database: given.database ?? stackDatabase(env, clock.sleep),
    statusOf: given.statusOf ?? executionStatus(new SFNClient({ requestHandler: waitsFor(10) }), clock.sleep),
    clock,
    logger,
    metrics: given.metrics ?? sendMetrics(stack, logger),
  };
  return (request, context) => {
    const migration = 'migration' in request ? request.migration : undefined;
    logger.resetKeys();
    logger.appendKeys({ operation: request.operation, migration, run: request.run?.execution_arn });
    const what =
      migration === undefined ? request.operation : `${request.operation} of migration "${migration}"`;
    return operation(what, { showsRowData }, () =>
      answer({ ...engine, remaining: () => context.getRemainingTimeInMillis() }, request),
    );
  };
}

/** The operations of one migration. */
const ofOneMigration: Readonly<Record<OfOneMigration, (turn: Turn) => Promise<unknown>>> = {
  pending,
  batches,
  validate,
  restore,
  cleanup,
};

function answer(engine: Engine, request: MigrateRequest): Promise<unknown> {
  switch (request.operation) {
    case 'open':
      return open(engine, request.run, request.input);
    case 'pending':
    case 'batches':
    case 'validate':
    case 'restore':
    case 'cleanup':
      return withMigration(engine, request.run, request.migration, ofOneMigration[request.operation]);
    case 'lane':
      return withMigration(engine, request.run, request.migration, (turn) => lane(turn, request.lane));
    case 'close':
      return close(engine, request.run);
    case 'fail':
      return fail(engine, request.run, request);
    default:
      throw new MigrationFailed(
        `no such operation: ${JSON.stringify(request satisfies never)}. This function is called by its state machine; start that`,
      );
  }
}
