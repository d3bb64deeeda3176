import type { TypeHint } from '@aws-sdk/client-rds-data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rewriteParameters } from '../../../local/rds-data/parameters/named-parameters.ts';
import { type Service, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

test('names in quotes and comments are no parameters, and a double colon is a cast', () => {
  const { text, names } = rewriteParameters(
    `SELECT ':a', 'it''s :b', ":c" /* :d */ -- :e
      , :f::int, x::text, :0`,
  );
  expect(names).toEqual(['f', '0']);
  expect(text).toContain('$1::int, x::text, $2');
});

test('names in dollar quotes and numbers in slices are parameters, as the service has it', () => {
  expect(rewriteParameters('SELECT $$a :b c$$').text).toBe('SELECT $$a $1 c$$');
  expect(rewriteParameters('SELECT a[1:2]').text).toBe('SELECT a[1$1]');
});

test('each occurrence of a name is a parameter of its own', async () => {
  expect(rewriteParameters(':a + :b + :a')).toMatchObject({ text: '$1 + $2 + $3', names: ['a', 'b', 'a'] });
  const grouped = service.execute(
    `SELECT date_trunc(:unit, d) FROM (VALUES (now())) AS t (d) GROUP BY date_trunc(:unit, d)`,
    {
      parameters: [{ name: 'unit', value: { stringValue: 'day' } }],
    },
  );
  await expect(grouped).rejects.toThrow(/SQLState: 42803$/);
});

test('a position leads back into the SQL of the caller', async () => {
  const parameters = [{ name: 'long_name', value: { longValue: 1 } }];
  const sql = `SELECT 'ä😀', :long_name, :long_name, wrong`;
  const position = [...sql.slice(0, sql.indexOf('wrong'))].length + 1;
  await expect(service.execute(sql, { parameters })).rejects.toThrow(
    `Position: ${position}; SQLState: 42703`,
  );
});

test('values have the types that the service gives them', async () => {
  const { records } = await service.execute(
    `SELECT pg_typeof(:s)::text, pg_typeof(:l)::text, pg_typeof(:d)::text, pg_typeof(:b)::text, pg_typeof(:x)::text,
            pg_typeof(:json)::text, pg_typeof(:uuid)::text, pg_typeof(:ts)::text, pg_typeof(:date)::text,
            pg_typeof(:time)::text, pg_typeof(:dec)::text`,
    {
      parameters: [
        { name: 's', value: { stringValue: 'text' } },
        { name: 'l', value: { longValue: 1 } },
        { name: 'd', value: { doubleValue: 1.5 } },
        { name: 'b', value: { booleanValue: true } },
        { name: 'x', value: { blobValue: new Uint8Array([1, 2]) } },
        { name: 'json', value: { stringValue: '{}' }, typeHint: 'JSON' },
        { name: 'uuid', value: { stringValue: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }, typeHint: 'UUID' },
        { name: 'ts', value: { stringValue: '2026-01-02 03:04:05.678' }, typeHint: 'TIMESTAMP' },
        { name: 'date', value: { stringValue: '2026-01-02' }, typeHint: 'DATE' },
        { name: 'time', value: { stringValue: '03:04:05' }, typeHint: 'TIME' },
        { name: 'dec', value: { stringValue: '1.10' }, typeHint: 'DECIMAL' },
      ],
    },
  );
  const types = ['text', 'bigint', 'double precision', 'boolean', 'bytea', 'json', 'uuid'];
  const times = ['timestamp without time zone', 'date', 'time without time zone', 'numeric'];
  expect(records?.[0]?.map((field) => field.stringValue)).toEqual([...types, ...times]);
});

test('a number for a text, and a NULL without a cast, are PostgreSQL errors', async () => {
  await service.execute('CREATE TABLE numbers (n int)');
  const isNull = [{ name: 'n', value: { isNull: true } }];
  await expect(service.execute('INSERT INTO numbers VALUES (:n)', { parameters: isNull })).rejects.toThrow(
    /42804$/,
  );
  await service.execute('INSERT INTO numbers VALUES (:n::int)', { parameters: isNull });
  const word = [{ name: 'n', value: { stringValue: '1' } }];
  await expect(service.execute('SELECT 1 FROM numbers WHERE n = :n', { parameters: word })).rejects.toThrow(
    /^ERROR: operator does not exist: integer = text; Hint: .*; Position: 31; SQLState: 42883$/,
  );
});

test('bytes and long integers arrive whole', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const { records } = await service.execute('SELECT :x, length(:x)', {
    parameters: [{ name: 'x', value: { blobValue: bytes } }],
  });
  expect(records?.[0]?.[0]?.blobValue).toEqual(bytes);
  expect(records?.[0]?.[1]?.longValue).toBe(256);
});

test('a parameter that is missing is missed by PostgreSQL', async () => {
  await expect(service.execute('SELECT :a::text')).rejects.toThrow(
    'bind message supplies 0 parameters, but prepared statement "" requires 1; SQLState: 08P01',
  );
});

test.each([
  ['an array', { arrayValue: { longValues: [1] } }, undefined, 'Array parameters are not supported.'],
  ['no value', {}, undefined, 'must have exactly one value'],
  ['a wrong date', { stringValue: '1.2.2026' }, 'DATE', 'that is no DATE'],
  ['a timestamp with a zone', { stringValue: '2026-01-02T03:04:05Z' }, 'TIMESTAMP', 'that is no TIMESTAMP'],
  [
    'a hint that there is not',
    { stringValue: '1' },
    'INTEGER',
    "Value 'INTEGER' at 'parameters.0.typeHint' failed to satisfy constraint: Member must satisfy enum value set: [JSON, ",
  ],
] as const)('%s is refused as a parameter', async (_, value, typeHint, message) => {
  const parameter = { name: 'p', value: value as never, ...(typeHint && { typeHint: typeHint as TypeHint }) };
  const refused = service.execute('SELECT :p', { parameters: [parameter] });
  await expect(refused).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining(message),
  });
});
