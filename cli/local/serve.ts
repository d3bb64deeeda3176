import { defaultMachineName } from '../../infra/deployment.ts';
import type { Runtime } from '../../local/runtime.ts';
import type { Io } from '../command/io.ts';
import type { Project } from '../project.ts';
import { removeSession, writeSession } from '../system/session-file.ts';
import { findSystem } from '../system/system.ts';
import { showPage } from './page.ts';
import { type Session, type SessionOptions, sessionOf, startSession } from './session.ts';

/** Keeps endpoints and database up until Ctrl-C. */
export async function serve(io: Io, project: Project, options: SessionOptions): Promise<number> {
  const session = await startSession(io, project, options);
  try {
    await untilInterrupted(io, session, options);
    return 0;
  } finally {
    await session.close();
  }
}

async function untilInterrupted(
  io: Io,
  { application, runtime, log, interrupted }: Session,
  { pagePort }: SessionOptions,
): Promise<void> {
  const found = sessionOf(runtime);
  const { migrations } = application;
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
