import type { Database } from '../../functions/engine/database/data-api.ts';
import { messageOf } from '../../functions/engine/errors.ts';
import { defaultMachineName } from '../../infra/deployment.ts';
import type { Io } from '../command/io.ts';
import { clients, databaseBy } from '../system/clients.ts';
import { type LocalSession, readSession } from '../system/session-file.ts';
import { findSystem } from '../system/system.ts';
import { type KnownTable, knownTable } from './known-table.ts';

/**
 * Asks the database of a running local session for a table, or else that of DATABASE_URL. Says on stderr what came of it: that there
 * is nobody to ask is no error.
 */
export async function ask(io: Io, table: string): Promise<KnownTable | undefined> {
  for (const { name, look } of sources(io)) {
    try {
      const known = await look((database) => knownTable(database, table));
      io.err.write(
        known === undefined
          ? `${name} has no table ${table}, so key and columns are left to be filled in\n`
          : `Key and columns are those of ${table} in ${name}\n`,
      );
      if (known !== undefined && known.key === undefined) {
        io.err.write(`${table} has no unique index without NULLs, and cannot be walked until it has one\n`);
      }
      return known;
    } catch (error) {
      io.err.write(`${name} does not answer: ${messageOf(error)}\n`);
    }
  }
  io.err.write(
    'No database was asked for key and columns. Next time: npx migrations local in another terminal, or DATABASE_URL\n',
  );
  return undefined;
}

/** A database that may be asked. */
interface Source {
  readonly name: string;
  look<T>(work: (database: Database) => Promise<T>): Promise<T>;
}

function sources(io: Io): readonly Source[] {
  const session = sessionIn(io.env);
  const { DATABASE_URL: url } = io.env;
  return [
    ...(session === undefined ? [] : [ofSession(io, session)]),
    ...(url === undefined || url === '' ? [] : [ofUrl(url)]),
  ];
}

function sessionIn(env: NodeJS.ProcessEnv): LocalSession | undefined {
  try {
    return readSession(env);
  } catch {
    return undefined; // nothing runs, which is as good
  }
}

function ofSession(io: Io, session: LocalSession): Source {
  return {
    name: 'the database of npx migrations local',
    async look(work) {
      // Without the registry: a migration in it that is not filled in yet must not keep anybody from writing the next one.
      const system = await findSystem(io, { machine: defaultMachineName, local: true }, [], session);
      try {
        return await work(await system.database());
      } finally {
        system.close();
      }
    },
  };
}

// As long as somebody who typed a command waits for a database that is not there.
const connectMs = 5_000;

/** By a Data API before it, so that it is asked the same way. */
function ofUrl(url: string): Source {
  return {
    name: 'the database of DATABASE_URL',
    async look(work) {
      const { startRdsData } = await import('../../local/rds-data/endpoint.ts');
      const { newCredentials } = await import('../../local/http/caller.ts');
      const credentials = newCredentials();
      const connection = { connectionString: url, connectionTimeoutMillis: connectMs };
      const rdsData = await startRdsData({ database: connection, accessKeyId: credentials.accessKeyId });
      const endpoints = { rdsData: rdsData.url, stepFunctions: rdsData.url };
      const made = clients({ session: { pid: process.pid, region: 'us-east-1', endpoints, credentials } });
      try {
        return await work(
          databaseBy(
            { rdsData: made.rdsDataOnce, rdsDataOnce: made.rdsDataOnce },
            {
              clusterArn: arn('rds', 'cluster:local'),
              secretArn: arn('secretsmanager', 'secret:local'),
              database: '',
            },
          ),
        );
      } finally {
        for (const client of Object.values(made)) {
          client.destroy();
        }
        await rdsData.close();
      }
    },
  };
}

const arn = (service: string, resource: string): string =>
  `arn:aws:${service}:us-east-1:000000000000:${resource}`;
