import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { type Database, dataApi } from '../../functions/engine/database/data-api.ts';
import { onSearchPath } from '../../local/database.ts';
import { startRdsData } from '../../local/rds-data/endpoint.ts';
import { credentials } from './credentials.ts';
import { freshDatabase } from './database.ts';
import { prepareDemo } from './demo.ts';

/** The demo application's tables and data, as the engine sees them. */
export interface DemoDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

/** A PostgreSQL with the demo's data, behind a Data API endpoint. */
export async function demoDatabase(): Promise<DemoDatabase> {
  const fresh = await freshDatabase({ name: 'demo' });
  const connection = { connectionString: fresh.url };
  await prepareDemo(connection, true);
  const endpoint = await startRdsData({
    database: onSearchPath(connection, ['demo']),
    accessKeyId: credentials.accessKeyId,
  });
  const to = { endpoint: endpoint.url, region: 'eu-central-1', credentials };
  const database = dataApi({
    client: new RDSDataClient(to),
    once: new RDSDataClient({ ...to, maxAttempts: 1 }),
    clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:demo',
    secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:demo',
    database: '',
    sleep: async () => {},
  });
  return {
    database,
    async close() {
      await endpoint.close();
      await fresh.drop();
    },
  };
}
