import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

test('a statement answers its records', async () => {
  const { records, numberOfRecordsUpdated } = await service.execute('SELECT 1 AS one, :name AS name', {
    parameters: [{ name: 'name', value: { stringValue: 'Ada' } }],
  });
  expect(records).toEqual([[{ longValue: 1 }, { stringValue: 'Ada' }]]);
  expect(numberOfRecordsUpdated).toBe(0);
});

test('a wrong statement answers what PostgreSQL says of it', async () => {
  await expect(service.execute('SELECT * FROM nowhere')).rejects.toMatchObject({
    name: 'DatabaseErrorException',
    message: 'ERROR: relation "nowhere" does not exist; Position: 15; SQLState: 42P01',
  });
});
