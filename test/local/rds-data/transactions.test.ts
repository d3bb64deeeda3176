import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchExecuteStatementCommand,
  BeginTransactionCommand,
  CommitTransactionCommand,
  RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { resourceArn, type Service, secretArn, startService } from './service.ts';

const target = { resourceArn, secretArn };

let service: Service;
beforeAll(async () => {
  service = await startService({ transactionIdleSeconds: 1 });
  await service.database.query('CREATE TABLE events (n int PRIMARY KEY)');
});
beforeEach(() => service.database.query('TRUNCATE events'));
afterAll(() => service.stop());

test('what is committed is there for all, and not before', async () => {
  const transactionId = await begin();
  await service.execute('INSERT INTO events VALUES (1)', { transactionId });
  expect(await events()).toEqual([]);
  expect(await commit(transactionId)).toMatchObject({ transactionStatus: 'Transaction Committed' });
  expect(await events()).toEqual([1]);
});

test('what is rolled back is gone', async () => {
  const transactionId = await begin();
  await service.execute('INSERT INTO events VALUES (1)', { transactionId });
  expect(await rollback(transactionId)).toMatchObject({ transactionStatus: 'Rollback Complete' });
  expect(await events()).toEqual([]);
});

test('an ended transaction is not found', async () => {
  const transactionId = await begin();
  await commit(transactionId);
  for (const call of [
    service.execute('SELECT 1', { transactionId }),
    commit(transactionId),
    rollback(transactionId),
  ]) {
    await expect(call).rejects.toMatchObject({
      name: 'TransactionNotFoundException',
      message: expect.stringContaining('One previous call resulted in a termination of your transaction.'),
      $metadata: { httpStatusCode: 404 },
    });
  }
});

test('a transaction that nobody calls expires and is rolled back', async () => {
  const transactionId = await begin();
  await service.execute('INSERT INTO events VALUES (1)', { transactionId });
  await sleep(600);
  await service.execute('SELECT 1', { transactionId }); // a call begins the idle time anew
  await sleep(600);
  await service.execute('INSERT INTO events VALUES (2)', { transactionId });
  await sleep(1300);
  await expect(commit(transactionId)).rejects.toThrow('Transaction may be expired.');
  expect(await events()).toEqual([]);
});

test('what a transaction that expired had made of a column is not what metadata says', async () => {
  const seen = async (input = {}) => {
    const { columnMetadata } = await service.execute('SELECT note FROM remarks', {
      ...input,
      includeResultMetadata: true,
    });
    return columnMetadata?.[0]?.nullable;
  };
  await service.execute('CREATE TABLE remarks (note text)');
  const transactionId = await begin();
  await service.execute('ALTER TABLE remarks ALTER note SET NOT NULL', { transactionId });
  expect(await seen({ transactionId })).toBe(0);
  await expect.poll(() => seen(), { timeout: 20_000 }).toBe(1);
});

test('a second call in a transaction is refused while one runs', async () => {
  const transactionId = await begin();
  const first = service.execute('SELECT pg_sleep(0.3)', { transactionId });
  await sleep(100);
  await expect(service.execute('SELECT 1', { transactionId })).rejects.toMatchObject({
    name: 'DatabaseErrorException',
    message: 'Transaction is still running a query',
  });
  await first;
  await commit(transactionId);
});

test('after an error a transaction does nothing more and cannot be committed', async () => {
  const transactionId = await begin();
  await service.execute('INSERT INTO events VALUES (1)', { transactionId });
  await expect(service.execute('INSERT INTO events VALUES (1)', { transactionId })).rejects.toThrow(/23505$/);
  await expect(service.execute('SELECT 1', { transactionId })).rejects.toThrow(
    /transaction is aborted.*25P02$/,
  );
  await expect(commit(transactionId)).rejects.toThrow(/25P02$/);
  expect(await events()).toEqual([]);
});

test('a commit that fails ends the transaction', async () => {
  await service.execute('CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
  const transactionId = await begin();
  await service.execute('INSERT INTO late VALUES (1), (1)', { transactionId });
  await expect(commit(transactionId)).rejects.toThrow(/23505$/);
  await expect(commit(transactionId)).rejects.toMatchObject({ name: 'TransactionNotFoundException' });
});

test('a savepoint saves a transaction from an error', async () => {
  const transactionId = await begin();
  await service.execute('INSERT INTO events VALUES (1)', { transactionId });
  await service.execute('SAVEPOINT before', { transactionId });
  await expect(service.execute('INSERT INTO events VALUES (1)', { transactionId })).rejects.toThrow(/23505$/);
  await service.execute('ROLLBACK TO before', { transactionId });
  await commit(transactionId);
  expect(await events()).toEqual([1]);
});

test('a transaction whose connection was killed is not found any more', async () => {
  const transactionId = await begin();
  const { records } = await service.execute('SELECT pg_backend_pid()', { transactionId });
  await service.database.query('SELECT pg_terminate_backend($1)', [records?.[0]?.[0]?.longValue]);
  await sleep(100);
  await expect(service.execute('SELECT 1', { transactionId })).rejects.toThrow();
  await expect(commit(transactionId)).rejects.toMatchObject({
    name: 'TransactionNotFoundException',
    message: expect.stringContaining('aborted due to an error from a previous call'),
  });
});

test('settings, cursors, temporary tables and locks live in a transaction, and not after it', async () => {
  const transactionId = await begin();
  await service.execute(`SET work_mem = '1MB'`, { transactionId });
  await service.execute('CREATE TEMPORARY TABLE notes (n int)', { transactionId });
  await service.execute('DECLARE numbers CURSOR FOR SELECT generate_series(1, 10)', { transactionId });
  await service.execute('SELECT pg_advisory_lock(7)', { transactionId });
  const { records } = await service.execute('FETCH 2 FROM numbers', { transactionId });
  expect(records).toHaveLength(2);
  await commit(transactionId);
  await sleep(50);
  await expect(service.execute('SELECT * FROM notes')).rejects.toThrow(/42P01$/);
  const locks = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7`;
  expect(await service.database.query(locks)).toEqual([]);
});

test('nothing of a session outlives a call', async () => {
  for (let call = 0; call < 5; call++) {
    await service.execute(`SET work_mem = '1MB'`);
    await service.execute('BEGIN');
    const { records } = await service.execute(`SELECT current_setting('work_mem')`);
    expect(records).toEqual([[{ stringValue: '4MB' }]]);
  }
  await sleep(50);
  const open = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
  expect(await service.database.query(open)).toEqual([]);
});

test('a batch is done with all its parameter sets or with none', async () => {
  const batch = (...numbers: number[]) =>
    service.client.send(
      new BatchExecuteStatementCommand({
        ...target,
        sql: 'INSERT INTO events VALUES (:n)',
        parameterSets: numbers.map((longValue) => [{ name: 'n', value: { longValue } }]),
      }),
    );
  expect((await batch(1, 2, 3)).updateResults).toEqual([
    { generatedFields: [] },
    { generatedFields: [] },
    { generatedFields: [] },
  ]);
  await expect(batch(4, 5, 1)).rejects.toThrow(/23505$/);
  expect(await events()).toEqual([1, 2, 3]);
});

async function begin(): Promise<string> {
  return (await service.client.send(new BeginTransactionCommand(target))).transactionId ?? '';
}

const commit = (transactionId: string) =>
  service.client.send(new CommitTransactionCommand({ ...target, transactionId }));
const rollback = (transactionId: string) =>
  service.client.send(new RollbackTransactionCommand({ ...target, transactionId }));

async function events(): Promise<number[]> {
  return (await service.database.query<{ n: number }>('SELECT n FROM events ORDER BY n')).map(({ n }) => n);
}
