import { setTimeout as wait } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { SFNClient } from '@aws-sdk/client-sfn';
import { type Database, dataApi } from '../../functions/engine/database/data-api.ts';
import type { Runtime } from '../runtime.ts';

/** The clients of a runtime. */
export interface RuntimeClients {
  readonly sfn: SFNClient;
  readonly database: Database;
  close(): void;
}

export function runtimeClients({
  rdsData,
  stepFunctions,
  clusterArn,
  secretArn,
  databaseName,
  credentials,
  clientEnvironment,
}: Runtime): RuntimeClients {
  const given = { credentials, region: clientEnvironment.AWS_REGION as string };
  const sfn = new SFNClient({ ...given, endpoint: stepFunctions.url });
  const client = new RDSDataClient({ ...given, endpoint: rdsData.url });
  const once = new RDSDataClient({ ...given, endpoint: rdsData.url, maxAttempts: 1 });
  return {
    sfn,
    database: dataApi({
      client,
      once,
      clusterArn,
      secretArn,
      database: databaseName,
      sleep: (seconds) => wait(seconds * 1000),
    }),
    close() {
      for (const each of [sfn, client, once]) {
        each.destroy();
      }
    },
  };
}
