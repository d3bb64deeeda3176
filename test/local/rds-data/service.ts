import {
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  type ExecuteStatementCommandOutput,
  RDSDataClient,
} from '@aws-sdk/client-rds-data';
import type { Credentials } from '../../../local/http/caller.ts';
import { type RdsData, type RdsDataOptions, startRdsData } from '../../../local/rds-data/endpoint.ts';
import { credentials } from '../../support/credentials.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

export const resourceArn = 'arn:aws:rds:eu-west-1:123456789012:cluster:app';
export const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:app';

/** A database with an endpoint before it, and the real client. */
export interface Service {
  readonly endpoint: RdsData;
  readonly database: TestDatabase;
  readonly client: RDSDataClient;
  /** ExecuteStatement. */
  execute(sql: string, input?: Partial<ExecuteStatementCommandInput>): Promise<ExecuteStatementCommandOutput>;
  stop(): Promise<void>;
}

export async function startService(options: Partial<RdsDataOptions> = {}): Promise<Service> {
  const database = await freshDatabase({ name: 'rds_data' });
  const endpoint = await startRdsData({
    database: database.url,
    accessKeyId: credentials.accessKeyId,
    resourceArn,
    secretArn,
    ...options,
  });
  const client = clientOf(endpoint.url);
  return {
    endpoint,
    database,
    client,
    execute: (sql, input) =>
      client.send(new ExecuteStatementCommand({ resourceArn, secretArn, sql, ...input })),
    async stop() {
      client.destroy();
      await endpoint.close();
      await database.drop();
    },
  };
}

/** The client of an endpoint. */
export function clientOf(endpoint: string, signsWith: Credentials = credentials): RDSDataClient {
  return new RDSDataClient({ endpoint, credentials: signsWith, region: 'eu-west-1', maxAttempts: 1 });
}
