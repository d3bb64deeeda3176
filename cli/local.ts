import { localApplication } from './application.ts';
import type { Io } from './command/io.ts';
import { type SessionOptions, sessionOf, startSession } from './local/session.ts';
import { removeSession, writeSession } from './system/session-file.ts';

/** `npm run local`: keeps endpoints and database up until Ctrl-C. */
export async function local(io: Io, options: SessionOptions): Promise<number> {
  io.err.write('Starting PostgreSQL, the RDS Data API, Step Functions and the Lambdas on this machine\n');
  const session = await startSession(io, await localApplication(), options);
  const { runtime } = session;
  writeSession(io.env, sessionOf(runtime));
  const exports = { ...runtime.clientEnvironment, AWS_DEFAULT_REGION: runtime.clientEnvironment.AWS_REGION };
  io.out.write(`
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

# The functions write to ${session.log}
# Ctrl-C ends all of it.
`);
  await session.interrupted;
  removeSession(io.env);
  io.err.write('\nStopping\n');
  await session.close();
  return 0;
}
