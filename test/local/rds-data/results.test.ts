import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.database.query(`CREATE TYPE mood AS ENUM ('fine', 'bad')`);
  await service.database.query('CREATE DOMAIN age AS int');
});
afterAll(() => service.stop());

async function fieldOf(sql: string, input = {}) {
  const { records } = await service.execute(`SELECT ${sql}`, input);
  return records?.[0]?.[0];
}

test.each([
  ['NULL::int', { isNull: true }],
  ['true', { booleanValue: true }],
  ['1::smallint', { longValue: 1 }],
  ['9007199254740991', { longValue: 9007199254740991 }],
  ['42::age', { longValue: 42 }],
  ['1.5::real', { doubleValue: 1.5 }],
  ['1e300::float8', { doubleValue: 1e300 }],
  [`'NaN'::float8`, { doubleValue: Number.NaN }],
  ['1.10::numeric', { stringValue: '1.10' }],
  [`'say "ä😀"\n'::text`, { stringValue: 'say "ä😀"\n' }],
  [`'ab'::char(4)`, { stringValue: 'ab  ' }],
  [`'fine'::mood`, { stringValue: 'fine' }],
  [`'{"a": 1}'::jsonb`, { stringValue: '{"a": 1}' }],
  [`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid`, { stringValue: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }],
  [`'\\x00ff'::bytea`, { blobValue: new Uint8Array([0, 255]) }],
  [`'2026-01-02'::date`, { stringValue: '2026-01-02' }],
  [`'03:04:05.1'::time`, { stringValue: '03:04:05.100' }],
  [`'2026-01-02 03:04:05'::timestamp`, { stringValue: '2026-01-02 03:04:05' }],
  [`'2026-01-02 03:04:05.000120'::timestamp`, { stringValue: '2026-01-02 03:04:05.000120' }],
  [`'2024-01-15 12:34:56+09'::timestamptz`, { stringValue: '2024-01-15 03:34:56' }],
  [`pg_sleep(0)`, { stringValue: '' }],
  [`'{1,NULL,3}'::bigint[]`, { arrayValue: { longValues: [1, null, 3] } }],
  [`'{t,f}'::bool[]`, { arrayValue: { booleanValues: [true, false] } }],
  [`'{1.5}'::float8[]`, { arrayValue: { doubleValues: [1.5] } }],
  [`'{1.50}'::numeric[]`, { arrayValue: { stringValues: ['1.50'] } }],
  [
    `ARRAY['a', 'b,"\\{}', 'NULL', NULL, '']`,
    { arrayValue: { stringValues: ['a', 'b,"\\{}', 'NULL', null, ''] } },
  ],
  [`'{}'::text[]`, { arrayValue: { stringValues: [] } }],
  [`'[5:6]={1,2}'::int[]`, { arrayValue: { longValues: [1, 2] } }],
  [`ARRAY['2024-01-15 12:34:56+09'::timestamptz]`, { arrayValue: { stringValues: ['2024-01-15 03:34:56'] } }],
])('%s is answered as the service does', async (sql, field) => {
  expect(await fieldOf(sql)).toEqual(field);
});

test.each([
  [`'1 day'::interval`, 'INTERVAL'],
  [`'17:08:20+02'::timetz`, 'TIMETZ'],
  [`'a'::"char"`, '"CHAR"'],
  [`'pg_class'::regclass`, 'regclass'],
  [`1::money`, 'MONEY'],
  [`'<a/>'::xml`, 'XML'],
  [`'(1,2)'::point`, 'POINT'],
  [`xmin FROM pg_class LIMIT 1`, 'XID'],
])('%s fails the call', async (sql, name) => {
  await expect(fieldOf(sql)).rejects.toMatchObject({
    name: 'UnsupportedResultException',
    message: `The result contains the unsupported data type ${name}.`,
  });
});

test('an array of arrays fails the call', async () => {
  await expect(fieldOf(`ARRAY[[1, 2], [3, 4]]`)).rejects.toMatchObject({
    name: 'UnsupportedResultException',
    message: 'The result contains a multidimensional array.',
  });
});

test.each([`'infinity'::timestamptz`, `'-infinity'::timestamp`, `'infinity'::date`])(
  '%s fails the call without a word',
  async (sql) => {
    await expect(fieldOf(sql)).rejects.toMatchObject({
      name: 'InternalFailure',
      $metadata: { httpStatusCode: 500 },
    });
  },
);

test('a time zone that a transaction has set changes nothing', async () => {
  await service.execute(`SELECT 1`);
  const { records } = await service.execute(
    `SELECT set_config('timezone', 'Asia/Kolkata', true), now()::text, '2024-01-15 00:30:00.25+00'::timestamptz`,
  );
  expect(records?.[0]?.[2]).toEqual({ stringValue: '2024-01-15 00:30:00.250' });
});

describe('options', () => {
  test('a long as a string keeps all its digits', async () => {
    const resultSetOptions = { longReturnType: 'STRING' };
    expect(await fieldOf('9223372036854775807', { resultSetOptions })).toEqual({
      stringValue: '9223372036854775807',
    });
  });

  test('a decimal as a double or a long', async () => {
    const resultSetOptions = { decimalReturnType: 'DOUBLE_OR_LONG' };
    expect(await fieldOf('1.50::numeric', { resultSetOptions })).toEqual({ doubleValue: 1.5 });
    expect(await fieldOf('150::numeric', { resultSetOptions })).toEqual({ longValue: 150 });
  });

  test('metadata says what a column is', async () => {
    await service.execute(
      'CREATE TABLE people (id serial PRIMARY KEY, name varchar(20), pay numeric(8, 2), tags text[])',
    );
    const { columnMetadata } = await service.execute(
      'SELECT id, name AS called, pay, tags, count(*) FROM people GROUP BY id',
      {
        includeResultMetadata: true,
      },
    );
    expect(columnMetadata).toMatchObject([
      {
        name: 'id',
        typeName: 'serial',
        type: 4,
        isAutoIncrement: true,
        isSigned: true,
        nullable: 0,
        precision: 10,
      },
      {
        name: 'called',
        label: 'called',
        typeName: 'varchar',
        type: 12,
        nullable: 1,
        precision: 20,
        tableName: 'people',
      },
      { name: 'pay', typeName: 'numeric', type: 2, precision: 8, scale: 2 },
      { name: 'tags', typeName: '_text', type: 2003, arrayBaseColumnType: 12 },
      {
        name: 'count',
        typeName: 'int8',
        type: -5,
        nullable: 2,
        tableName: '',
        schemaName: '',
        isCurrency: false,
      },
    ]);
  });

  test('metadata says what a column has become', async () => {
    const seen = async () => {
      const { columnMetadata = [] } = await service.execute('SELECT name, b FROM changing', {
        includeResultMetadata: true,
      });
      return columnMetadata.map(({ nullable, tableName }) => `${tableName} ${nullable}`);
    };
    await service.execute('CREATE TABLE changing (name text, b text)');
    expect(await seen()).toEqual(['changing 1', 'changing 1']);
    await service.execute('ALTER TABLE changing ALTER name SET NOT NULL');
    expect(await seen()).toEqual(['changing 0', 'changing 1']);
    await service.execute('ALTER TABLE changing RENAME TO changed');
    await service.execute('CREATE VIEW changing AS SELECT name, b FROM changed');
    expect(await seen()).toEqual(['changing 1', 'changing 1']);
  });

  test('records formatted as JSON', async () => {
    const { formattedRecords, records, columnMetadata } = await service.execute(
      `SELECT 1 AS id, 1.50 AS pay, 'ä"' AS name, NULL AS nothing, true AS good, '\\x00ff'::bytea AS bytes, ARRAY[1,2] AS list`,
      { formatRecordsAs: 'JSON', includeResultMetadata: true },
    );
    expect(JSON.parse(formattedRecords ?? '')).toEqual([
      { id: 1, pay: '1.50', name: 'ä"', nothing: null, good: true, bytes: 'AP8=', list: [1, 2] },
    ]);
    expect(records).toBeUndefined();
    expect(columnMetadata).toBeUndefined();
  });

  test('records formatted as JSON cannot have two columns of one name', async () => {
    await expect(service.execute('SELECT 1 AS a, 2 AS a', { formatRecordsAs: 'JSON' })).rejects.toThrow(
      'same name',
    );
  });
});

describe('limits', () => {
  const rows = (count: number) =>
    service.execute(`SELECT md5(i::text)::uuid FROM generate_series(1, ${count}) AS i`);

  // A row of one uuid counts 2 + 4 + 36 bytes: 24,966 of them are 1,048,572, four less than 1 MiB.
  test('a result of one MiB is answered, and not one row more', async () => {
    expect((await rows(24_966)).records).toHaveLength(24_966);
    await expect(rows(24_967)).rejects.toMatchObject({
      name: 'UnsupportedResultException',
      message: 'The result exceeds the size limit 1 MB.',
    });
  });

  test('characters count as their bytes', async () => {
    const wide = (count: number) =>
      service.execute(`SELECT repeat('é', 1000) FROM generate_series(1, ${count})`);
    expect((await wide(522)).records).toHaveLength(522); // × 2,006 = 1,047,132
    await expect(wide(523)).rejects.toThrow('1 MB');
  });

  test('a row of more than 64 KB is refused', async () => {
    expect(await fieldOf(`repeat('x', 65536)`)).toBeDefined();
    await expect(fieldOf(`repeat('x', 65537)`)).rejects.toMatchObject({ name: 'UnsupportedResultException' });
  });

  test('formatted records may be larger, up to 10 MB', async () => {
    const formatted = (count: number) =>
      service.execute(`SELECT repeat('x', 1000) AS x FROM generate_series(1, ${count})`, {
        formatRecordsAs: 'JSON',
      });
    expect(JSON.parse((await formatted(5000)).formattedRecords ?? '')).toHaveLength(5000);
    await expect(formatted(11_000)).rejects.toThrow('Database response exceeded size limit.');
  });

  test('a connection whose result was too large serves the next call', async () => {
    await expect(rows(200_000)).rejects.toThrow('1 MB');
    expect((await rows(1)).records).toHaveLength(1);
  });
});

describe('updates', () => {
  test('a statement without a result has no records', async () => {
    const created = await service.execute('CREATE TABLE updated (n int)');
    expect(created).toMatchObject({ numberOfRecordsUpdated: 0, generatedFields: [] });
    expect(created.records).toBeUndefined();
  });

  test('the number of records that a statement has written', async () => {
    expect(await service.execute('INSERT INTO updated VALUES (1), (2), (3)')).toMatchObject({
      numberOfRecordsUpdated: 3,
    });
    expect(await service.execute('UPDATE updated SET n = 0 WHERE n > 1')).toMatchObject({
      numberOfRecordsUpdated: 2,
    });
    expect(await service.execute('SELECT * FROM updated')).toMatchObject({ numberOfRecordsUpdated: 0 });
  });

  test('a write that returns something answers it', async () => {
    const { records } = await service.execute('UPDATE updated SET n = 7 WHERE n = 1 RETURNING n');
    expect(records).toEqual([[{ longValue: 7 }]]);
  });
});
