import { defaultMachineName } from '../infra/deployment.ts';
import type { LocalApplication } from '../local/application.ts';
import type { Runtime } from '../local/runtime.ts';
import { localApplication } from './application.ts';
import type { Io } from './command/io.ts';
import { showPage } from './local/page.ts';
import { type Session, type SessionOptions, sessionOf, startSession } from './local/session.ts';
import { removeSession, writeSession } from './system/session-file.ts';
import { findSystem } from './system/system.ts';

/** `npm run local`: keeps endpoints and database up until Ctrl-C. */
export async function local(io: Io, options: SessionOptions): Promise<number> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  const application = await localApplication();
  const session = await startSession(io, application, options);
  try {
    await serve(io, application, session, options);
    return 0;
  } finally {
    await session.close();
  }
}

async function serve(
  io: Io,
  { migrations }: LocalApplication,
  { runtime, log, interrupted }: Session,
  { pagePort }: SessionOptions,
): Promise<void> {
  const found = sessionOf(runtime);
  const system = await findSystem(io, { machine: defaultMachineName, local: true }, migrations, found);
  try {
    const page = await showPage(system, pagePort);
    writeSession(io.env, found);
    say(io, runtime, page.url, log);
    await interrupted;
    removeSession(io.env);
    io.err.write('\nStopping\n');
    await page.close();
  } finally {
    system.close();
  }
}

function say(io: Io, runtime: Runtime, page: string, log: string): void {
  const exports = { ...runtime.clientEnvironment, AWS_DEFAULT_REGION: runtime.clientEnvironment.AWS_REGION };
  io.out.write(`
# How the migrations stand, in a browser: ${page}

# For the aws command line and the SDKs, in another terminal:
${Object.entries(exports)
  .map(([name, value]) => `export ${name}=${value}`)
  .join('\n')}

# The operators' commands, from anywhere in this folder:
#   npx migrations list --local
#   npx migrations start --wait --local

# The machines:
${[runtime.migrationsMachineArn, ...Object.values(runtime.followUps)].map((arn) => `#   ${arn}`).join('\n')}

# Three commands to try; with '{}' instead, the run takes the minutes of rest that a migration has time for:
aws stepfunctions start-execution --state-machine-arn ${runtime.migrationsMachineArn} --input '{"mode": "foreground"}'
aws stepfunctions list-executions --state-machine-arn ${runtime.migrationsMachineArn}
aws rds-data execute-statement --resource-arn ${runtime.clusterArn} --secret-arn ${runtime.secretArn} --database ${runtime.databaseName} --sql 'SELECT name, status, total_processed, total_updated FROM data_migrations.migrations'

# The functions write to ${log}
# Ctrl-C ends all of it.
`);
}
