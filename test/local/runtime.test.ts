import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Runtime, type RuntimeOptions, startRuntime } from '../../local/runtime.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { demoApplication, rebuildJob } from '../support/demo.ts';

const handler = fileURLToPath(new URL('../machine/fixtures/environment.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'runtime-'));
let database: TestDatabase;
let options: RuntimeOptions;
let runtime: Runtime;

beforeAll(async () => {
  database = await freshDatabase({ name: 'runtime' });
  options = {
    connection: { connectionString: database.url, options: '-c search_path=elsewhere' },
    outdir: folder,
    application: demoApplication({ migrate: handler, rebuild: handler }),
    environment: { SLICES_PER_EXECUTION: '7' },
  };
  runtime = await startRuntime(options);
});
afterAll(async () => {
  await runtime.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

test('its client environment is all that the SDKs need', async () => {
  const before = { ...process.env };
  Object.assign(process.env, runtime.clientEnvironment);
  const [sfn, rdsData] = [new SFNClient(), new RDSDataClient()];
  try {
    const { stateMachines = [] } = await sfn.send(new ListStateMachinesCommand());
    expect(stateMachines.map(({ stateMachineArn }) => stateMachineArn)).toEqual(
      expect.arrayContaining([runtime.migrationsMachineArn, runtime.followUps[rebuildJob]]),
    );
    const { clusterArn: resourceArn, secretArn, databaseName } = runtime;
    const sql = 'SELECT current_database() AS name';
    const asked = await rdsData.send(
      new ExecuteStatementCommand({ resourceArn, secretArn, database: databaseName, sql }),
    );
    expect(asked.records).toEqual([[{ stringValue: database.name }]]);
  } finally {
    for (const name of Object.keys(runtime.clientEnvironment)) {
      delete process.env[name];
    }
    Object.assign(process.env, before);
    sfn.destroy();
    rdsData.destroy();
  }
});

test('what is said beside a URL of the database holds too', async () => {
  const { clusterArn: resourceArn, secretArn, databaseName } = runtime;
  const { AWS_REGION: region = '' } = runtime.clientEnvironment;
  const { credentials, rdsData: endpoint } = runtime;
  const rdsData = new RDSDataClient({ endpoint: endpoint.url, region, credentials });
  const sql = 'SHOW search_path';
  const asked = await rdsData.send(
    new ExecuteStatementCommand({ resourceArn, secretArn, database: databaseName, sql }),
  );
  rdsData.destroy();
  expect(asked.records).toEqual([[{ stringValue: 'elsewhere' }]]);
});

test('another start lets in other clients', async () => {
  const { clusterArn: resourceArn, secretArn } = runtime;
  const again = await startRuntime({ ...options, outdir: join(folder, 'again') });
  const { AWS_REGION: region = '' } = again.clientEnvironment;
  const rdsData = new RDSDataClient({
    endpoint: again.rdsData.url,
    region,
    credentials: runtime.credentials,
  });
  const call = new ExecuteStatementCommand({ resourceArn, secretArn, sql: 'SELECT 1' });
  await expect(rdsData.send(call)).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
  rdsData.destroy();
  await again.close();
});

test('its functions see the stack’s variables, the endpoints, what was said over them, and no other of this process', async () => {
  process.env.SECRET_OF_THIS_PROCESS = 'x';
  const outcome = await runtime.migrate.invoke({});
  delete process.env.SECRET_OF_THIS_PROCESS;
  expect(outcome).toMatchObject({
    status: 'succeeded',
    payload: {
      CLUSTER_ARN: runtime.clusterArn,
      SECRET_ARN: runtime.secretArn,
      DATABASE_NAME: runtime.databaseName,
      FOLLOW_UPS: JSON.stringify({ [rebuildJob]: runtime.followUps[rebuildJob] }),
      SLICES_PER_EXECUTION: '7',
      AWS_ENDPOINT_URL_RDS_DATA: runtime.rdsData.url,
      AWS_ENDPOINT_URL_SFN: runtime.stepFunctions.url,
      AWS_ACCESS_KEY_ID: runtime.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: runtime.credentials.secretAccessKey,
    },
  });
  const { payload } = outcome as { readonly payload: object };
  expect(payload).not.toHaveProperty('SECRET_OF_THIS_PROCESS');
});

test('a taken port is named with its flag, and nothing stays behind', async () => {
  const [free, taken] = [await listen(0), await listen(0)];
  const [rdsDataPort, sfnPort] = [portOf(free), portOf(taken)];
  free.close();
  await once(free, 'close');
  await expect(startRuntime({ ...options, rdsDataPort, sfnPort })).rejects.toThrow(
    `port ${sfnPort} is taken by another program; choose another one with --sfn-port`,
  );
  taken.close();
  (await listen(rdsDataPort)).close(); // given back
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
