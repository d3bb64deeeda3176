import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BeginTransactionCommand, CommitTransactionCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRdsData } from '../../../local/rds-data/endpoint.ts';
import { credentials, signature } from '../../support/credentials.ts';
import { resourceArn, type Service, secretArn, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ databaseName: 'app', statementTimeoutSeconds: 1 });
});
afterAll(() => service.stop());

const answers = async () => expect((await service.execute('SELECT 1')).records).toEqual([[{ longValue: 1 }]]);
const busyBackends = () =>
  service.database.query(
    `SELECT query FROM pg_stat_activity
      WHERE application_name = 'rds-data' AND datname = current_database() AND state <> 'idle'`,
  );
const body = (more: object) => JSON.stringify({ resourceArn, secretArn, sql: 'SELECT 1', ...more });

test.each([
  ['another path', 'POST', '/Nothing', body({}), 404, 'UnknownOperationException'],
  ['another verb', 'GET', '/Execute', undefined, 404, 'UnknownOperationException'],
  ['no body', 'POST', '/Execute', undefined, 400, 'SerializationException'],
  ['no JSON', 'POST', '/Execute', '{"resourceArn"', 400, 'SerializationException'],
  ['JSON that is no object', 'POST', '/Execute', '[1]', 400, 'ValidationException'],
  ['no SQL', 'POST', '/Execute', body({ sql: undefined }), 400, 'ValidationException'],
  ['SQL that is no text', 'POST', '/Execute', body({ sql: 1 }), 400, 'SerializationException'],
  ['SQL that is too long', 'POST', '/Execute', body({ sql: 'x'.repeat(65_537) }), 400, 'ValidationException'],
  ['a schema', 'POST', '/Execute', body({ schema: 'public' }), 400, 'ValidationException'],
  ['a strange format', 'POST', '/Execute', body({ formatRecordsAs: 'XML' }), 400, 'SerializationException'],
  [
    'a body over 4 MiB',
    'POST',
    '/Execute',
    body({ x: 'x'.repeat(2 ** 22) }),
    413,
    'RequestEntityTooLargeException',
  ],
  [
    'another cluster',
    'POST',
    '/Execute',
    body({ resourceArn: `${resourceArn}2` }),
    400,
    'HttpEndpointNotEnabledException',
  ],
  ['another secret', 'POST', '/Execute', body({ secretArn: `${secretArn}2` }), 400, 'SecretsErrorException'],
  ['another database', 'POST', '/Execute', body({ database: 'nowhere' }), 400, 'DatabaseErrorException'],
  [
    'another transaction',
    'POST',
    '/CommitTransaction',
    body({ transactionId: 'x' }),
    404,
    'TransactionNotFoundException',
  ],
])('%s gets the error of the service', async (_, method, path, content, status, name) => {
  const response = await fetch(service.endpoint.url + path, {
    method,
    headers: signature,
    ...(content && { body: content }),
  });
  expect(response.status).toBe(status);
  expect(response.headers.get('x-amzn-ErrorType')).toBe(name);
  expect(await response.json()).toEqual({ message: expect.any(String) });
  await answers();
});

test('65,536 characters of SQL, and a parameter of 3 MiB, are taken', async () => {
  const sql = 'SELECT length(:text)';
  const { records } = await service.execute(sql.padEnd(65_536), {
    parameters: [{ name: 'text', value: { stringValue: 'é'.repeat(1.5 * 2 ** 20) } }],
  });
  expect(records).toEqual([[{ longValue: 1.5 * 2 ** 20 }]]);
});

test('a long of 64 bits arrives whole', async () => {
  const parameters = '[{"name": "n", "value": {"longValue": 9223372036854775807}}]';
  const content = `{"parameters": ${parameters}, ${body({ sql: 'SELECT :n' }).slice(1)}`;
  const response = await fetch(`${service.endpoint.url}/Execute`, {
    method: 'POST',
    headers: signature,
    body: content,
  });
  expect(await response.text()).toContain('{"longValue":9223372036854775807}');
});

test('the database goes by the name that was given for it', async () => {
  const { records } = await service.execute('SELECT current_database()', { database: 'app' });
  expect(records?.[0]?.[0]?.stringValue).toBe(service.database.name);
});

test('an unknown database is a database error', async () => {
  await expect(service.execute('SELECT 1', { database: 'nowhere' })).rejects.toThrow(
    'FATAL: database "nowhere" does not exist; SQLState: 3D000',
  );
});

test('several statements in one call are refused, one semicolon at the end is not', async () => {
  await expect(service.execute('SELECT 1; SELECT 2')).rejects.toMatchObject({
    name: 'ValidationException',
    message: "Multistatements aren't supported.",
  });
  expect((await service.execute('SELECT 1;')).records).toHaveLength(1);
  await service.execute('DO $$ BEGIN PERFORM 1; PERFORM 2; END $$');
});

test.each(['COPY pg_class TO STDOUT', 'CREATE TABLE copied (n int)', 'COPY copied FROM STDIN'])(
  '%s leaves the endpoint working',
  async (sql) => {
    await service.execute(sql).catch(() => {});
    await answers();
    await expect.poll(busyBackends).toEqual([]);
  },
);

test('a statement that takes too long is cancelled', async () => {
  await service.execute('CREATE TABLE slow (n int)');
  const late = service.execute('INSERT INTO slow SELECT 1 FROM pg_sleep(1.5)');
  await expect(late).rejects.toMatchObject({
    name: 'StatementTimeoutException',
    $metadata: { httpStatusCode: 400 },
  });
  await sleep(800);
  expect(await service.database.query('SELECT n FROM slow')).toEqual([]);
});

test('a statement that may continue after the timeout does', async () => {
  await service.execute('CREATE TABLE patient (n int)');
  const late = service.execute('INSERT INTO patient SELECT 1 FROM pg_sleep(1.5)', {
    continueAfterTimeout: true,
  });
  await expect(late).rejects.toMatchObject({ name: 'StatementTimeoutException' });
  await sleep(800);
  expect(await service.database.query('SELECT n FROM patient')).toEqual([{ n: 1 }]);
});

test('a session has the time limit as PostgreSQL’s own: 45 s by default, in the next call and in a transaction, too', async () => {
  const shown = async (of: Service, transactionId?: string) =>
    (await of.execute('SHOW statement_timeout', { transactionId })).records?.[0]?.[0]?.stringValue;
  const other = await startService();
  expect(await shown(other)).toBe('45s');
  await other.execute("SET statement_timeout = '3s'");
  await sleep(100); // given back
  expect(await shown(other)).toBe('45s');
  const begin = new BeginTransactionCommand({ resourceArn, secretArn });
  const { transactionId } = await other.client.send(begin);
  expect(await shown(other, transactionId)).toBe('45s');
  await other.stop();
  expect(await shown(service)).toBe('1s');
});

test('in a transaction no statement may continue after the timeout', async () => {
  const begin = new BeginTransactionCommand({ resourceArn, secretArn });
  const { transactionId } = await service.client.send(begin);
  await expect(
    service.execute('CREATE TABLE never (n int)', { transactionId, continueAfterTimeout: true }),
  ).rejects.toMatchObject({
    name: 'BadRequestException',
    message: 'continueAfterTimeout is not supported in a transaction.',
    $metadata: { httpStatusCode: 400 },
  });
  // It goes on without that statement.
  await service.execute('CREATE TABLE there (n int)', { transactionId });
  await service.client.send(new CommitTransactionCommand({ resourceArn, secretArn, transactionId }));
  expect(
    await service.database.query("SELECT tablename FROM pg_tables WHERE tablename IN ('never', 'there')"),
  ).toEqual([{ tablename: 'there' }]);
});

test('a timeout that the caller has set is a database error', async () => {
  await service.execute(
    `ALTER ROLE CURRENT_USER IN DATABASE ${service.database.name} SET statement_timeout = '50ms'`,
  );
  const other = await startService({ database: service.database.url });
  await expect(other.execute('SELECT pg_sleep(1)')).rejects.toMatchObject({
    name: 'DatabaseErrorException',
    message: 'ERROR: canceling statement due to statement timeout; SQLState: 57014',
  });
  await other.stop();
  await service.database.query('SET statement_timeout = 0');
  await service.database.query(
    `ALTER ROLE CURRENT_USER IN DATABASE ${service.database.name} RESET statement_timeout`,
  );
});

test('a killed backend fails its call and no other', async () => {
  const doomed = service.execute('SELECT pg_terminate_backend(pg_backend_pid())');
  await expect(doomed).rejects.toThrow(/^FATAL: terminating connection.*57P01$/);
  await answers();
  await service.database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rds-data' AND datname = current_database()`,
  );
  await sleep(100);
  await answers();
});

test('a client that goes away leaves its statement running and the endpoint working', async () => {
  await service.execute('CREATE TABLE left_behind (n int)');
  const content = body({ sql: 'INSERT INTO left_behind SELECT 1 FROM pg_sleep(0.3)' });
  const leaving = request(`${service.endpoint.url}/Execute`, { method: 'POST', headers: signature });
  leaving.on('error', () => {});
  leaving.end(content);
  await sleep(100);
  leaving.destroy();
  await sleep(500);
  expect(await service.database.query('SELECT n FROM left_behind')).toEqual([{ n: 1 }]);
  await answers();
});

test('a client that stops in the middle of its request, or speaks no HTTP, does no harm', async () => {
  const head = `POST /Execute HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${signature.authorization}`;
  for (const sent of [`${head}\r\ncontent-length: 100\r\n\r\n{`, '\0\0\0']) {
    const socket = connect(service.endpoint.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(sent);
    await sleep(50);
    socket.destroy();
  }
  await answers();
});

test('many calls at once are all answered', async () => {
  const calls = Array.from({ length: 100 }, (_, n) =>
    service.execute('SELECT :n', { parameters: [{ name: 'n', value: { longValue: n } }] }),
  );
  const numbers = (await Promise.all(calls)).map(({ records }) => records?.[0]?.[0]?.longValue);
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

test('a paused database resumes when it is called', async () => {
  service.endpoint.pause({ resumeSeconds: 0.3 });
  await sleep(400); // it sleeps until somebody calls
  const resuming = { name: 'DatabaseResumingException', $metadata: { httpStatusCode: 400, attempts: 1 } };
  await expect(service.execute('SELECT 1')).rejects.toMatchObject(resuming);
  await expect(service.execute('SELECT 1')).rejects.toMatchObject(resuming);
  await sleep(400);
  await answers();
});

test('a PostgreSQL that is not there is an unavailable database, and no more than that', async () => {
  const endpoint = await startRdsData({
    database: { host: '127.0.0.1', port: 1, user: 'x', database: 'x' },
    accessKeyId: credentials.accessKeyId,
  });
  const response = await fetch(`${endpoint.url}/Execute`, {
    method: 'POST',
    headers: signature,
    body: body({}),
  });
  expect(response.status).toBe(504);
  expect(response.headers.get('x-amzn-ErrorType')).toBe('DatabaseUnavailableException');
  await endpoint.close();
});

test('a taken port is an error that says so', async () => {
  const { port } = service.endpoint;
  await expect(
    startRdsData({ database: service.database.url, accessKeyId: 'any', port }),
  ).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  });
});

test('closing does not wait for what runs', async () => {
  const other = await startService({ database: service.database.url });
  const running = other.execute('SELECT pg_sleep(30)', { continueAfterTimeout: true }).catch(() => 'broken');
  await sleep(100);
  const begun = Date.now();
  await other.stop();
  expect(Date.now() - begun).toBeLessThan(2000);
  expect(await running).toBe('broken');
});
