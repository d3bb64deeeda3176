import { type IncomingMessage, request } from 'node:http';
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import { ListExecutionsCommand, ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newCredentials } from '../../local/http/caller.ts';
import { credentials, signature } from '../support/credentials.ts';
import { clientOf, resourceArn, type Service, secretArn, startService } from './rds-data/service.ts';
import { definition, endpoint, machineArn } from './step-functions/endpoint.ts';

const machine = definition({ A: { Type: 'Pass', End: true } });
let rdsData: Service;
let sfn: Awaited<ReturnType<typeof endpoint>>;

beforeAll(async () => {
  rdsData = await startService();
  await rdsData.database.query('CREATE TABLE calls (n int)');
  sfn = await endpoint({ machine });
});
afterAll(async () => {
  await rdsData.stop();
  await sfn[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly message: string;
}
type Headers = Readonly<Record<string, string>>;

/** Sends exactly these headers, which no `fetch` would do. */
async function post(url: string, headers: Headers, content: object): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', headers }, resolve).on('error', reject).end(JSON.stringify(content));
  });
  const body = JSON.parse((await response.toArray()).join('')) as { __type?: string; message?: string };
  const error = response.headers['x-amzn-errortype'] ?? body.__type;
  return { status: response.statusCode, error: error?.toString(), message: body.message ?? '' };
}

const insert = (headers: Headers) =>
  post(`${rdsData.endpoint.url}/Execute`, headers, {
    resourceArn,
    secretArn,
    sql: 'INSERT INTO calls VALUES (1)',
  });
const start = (headers: Headers) =>
  post(
    sfn.url,
    { 'x-amz-target': 'AWSStepFunctions.StartExecution', ...headers },
    { stateMachineArn: machineArn('machine') },
  );

/** What has been done so far. */
async function done(): Promise<{ readonly rows: number; readonly executions: number }> {
  const [counted] = await rdsData.database.query<{ rows: number }>('SELECT count(*)::int AS rows FROM calls');
  const stateMachineArn = machineArn('machine');
  const { executions = [] } = await sfn.client.send(new ListExecutionsCommand({ stateMachineArn }));
  return { rows: counted?.rows ?? 0, executions: executions.length };
}

const otherKey = { authorization: signature.authorization.replace(credentials.accessKeyId, 'OTHER') };

describe('a request that no client of ours sends is refused, and nothing is done', () => {
  test.each<[string, Headers, string, string]>([
    ['of a web page', { ...signature, origin: 'https://example.com' }, 'AccessDeniedException', 'web pages'],
    ['of a file in a browser', { ...signature, origin: 'null' }, 'AccessDeniedException', 'web pages'],
    [
      'of a page that hides where it is from',
      { ...signature, 'sec-fetch-site': 'same-origin' },
      'AccessDeniedException',
      'web pages',
    ],
    [
      'to a name that leads here',
      { ...signature, host: 'rebinding.example:8080' },
      'AccessDeniedException',
      "'rebinding.example:8080'",
    ],
    [
      'to a name that begins like ours',
      { ...signature, host: '127.0.0.1.example.com' },
      'AccessDeniedException',
      'it must be 127.0.0.1, localhost or [::1]',
    ],
    [
      'without a signature, of a type that a page may send anywhere',
      { 'content-type': 'text/plain' },
      'MissingAuthenticationTokenException',
      'npx migrations local',
    ],
    [
      'with another key',
      otherKey,
      'UnrecognizedClientException',
      'Take the one that npx migrations local prints',
    ],
  ])('%s', async (_, headers, error, message) => {
    const before = await done();
    for (const send of [insert, start]) {
      expect(await send(headers)).toEqual({ status: 403, error, message: expect.stringContaining(message) });
    }
    expect(await done()).toEqual(before);
  });
});

test.each(['127.0.0.1', 'localhost:1234', '[::1]:8080'])('a signed request to %s is let in', async (host) => {
  const before = await done();
  for (const send of [insert, start]) {
    expect((await send({ ...signature, host })).status).toBe(200);
  }
  expect(await done()).toEqual({ rows: before.rows + 1, executions: before.executions + 1 });
});

test('the SDK’s clients sign in that form, and throw the refusal of another key', async () => {
  await rdsData.execute('SELECT 1');
  const other = new SFNClient({ endpoint: sfn.url, region: 'eu-central-1', credentials: newCredentials() });
  const refused = { name: 'UnrecognizedClientException', $metadata: { httpStatusCode: 403, attempts: 1 } };
  await expect(other.send(new ListStateMachinesCommand())).rejects.toMatchObject(refused);
  other.destroy();
  const otherData = clientOf(rdsData.endpoint.url, newCredentials());
  const call = new ExecuteStatementCommand({ resourceArn, secretArn, sql: 'SELECT 1' });
  await expect(otherData.send(call)).rejects.toMatchObject(refused);
  otherData.destroy();
});

test('credentials are others each time', () => {
  const [one, two] = [newCredentials(), newCredentials()];
  expect(one.accessKeyId).toMatch(/^LOCAL[0-9A-F]{32}$/);
  expect(one.accessKeyId).not.toBe(two.accessKeyId);
  expect(one.secretAccessKey).not.toBe(two.secretAccessKey);
});
