import { expect, test } from 'vitest';
import { freshDatabase } from '../support/database.ts';

test('a fresh database is empty, and can be cloned', async () => {
  const origin = await freshDatabase({ name: 'origin' });
  await origin.query('CREATE TABLE things (name text)');
  await origin.query('INSERT INTO things VALUES ($1)', ['first']);
  await origin.pool.end();

  const clone = await freshDatabase({ name: 'clone', template: origin.name });
  expect(await clone.query('SELECT name FROM things')).toEqual([{ name: 'first' }]);
  await clone.drop();
});
