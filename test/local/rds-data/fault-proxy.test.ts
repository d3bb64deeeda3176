import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Fault, startFaultProxy } from '../../support/fault-proxy.ts';
import { clientOf, resourceArn, type Service, secretArn, startService } from './service.ts';

const addOne = 'UPDATE counters SET n = n + 1';

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.database.query('CREATE TABLE counters (n int)');
});
beforeEach(() =>
  service.database
    .query('TRUNCATE counters')
    .then(() => service.database.query('INSERT INTO counters VALUES (0)')),
);
afterAll(() => service.stop());

test('a call that passes is done once and answered', async () => {
  expect(await addThrough('pass')).toEqual({ answered: true, done: 1 });
});

test('a refused call is not done', async () => {
  expect(await addThrough('refuse')).toEqual({ answered: false, done: 0 });
});

test('a call whose answer is lost is done', async () => {
  expect(await addThrough('lose-answer')).toEqual({ answered: false, done: 1 });
});

test('a duplicated call is done twice and answered once', async () => {
  expect(await addThrough('duplicate')).toEqual({ answered: true, done: 2 });
});

test('a delayed call is done later', async () => {
  const begun = Date.now();
  expect(await addThrough({ delayMs: 200 })).toEqual({ answered: true, done: 1 });
  expect(Date.now() - begun).toBeGreaterThanOrEqual(195);
});

test('a decision can look at the number and the body of each call', async () => {
  const seen: string[] = [];
  const proxy = await startFaultProxy({
    target: service.endpoint.url,
    onCall: ({ number, path, body }) => {
      seen.push(`${number} ${path} ${JSON.parse(body).sql}`);
      return 'pass';
    },
  });
  const client = clientOf(proxy.url);
  for (const sql of ['SELECT 1', 'SELECT 2']) {
    await client.send(new ExecuteStatementCommand({ resourceArn, secretArn, sql }));
  }
  client.destroy();
  await proxy.close();
  expect(seen).toEqual(['1 /Execute SELECT 1', '2 /Execute SELECT 2']);
  expect(proxy.calls).toBe(2);
});

async function addThrough(fault: Fault): Promise<{ answered: boolean; done: number }> {
  const proxy = await startFaultProxy({ target: service.endpoint.url, onCall: () => fault });
  const client = clientOf(proxy.url);
  const answered = await client
    .send(new ExecuteStatementCommand({ resourceArn, secretArn, sql: addOne }))
    .then(
      () => true,
      () => false,
    );
  client.destroy();
  await proxy.close();
  const [row] = await service.database.query<{ n: number }>('SELECT n FROM counters');
  return { answered, done: row?.n ?? -1 };
}
