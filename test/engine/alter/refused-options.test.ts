import { expect, it } from 'vitest';
import {
  type AlterOptions,
  alterTables,
  partitionsMissingColumn,
} from '../../../functions/engine/alter/alter-tables.ts';
import { type Sql, sql } from '../../../functions/engine/database/sql.ts';

const options: AlterOptions = {
  name: 'stamps',
  tables: partitionsMissingColumn({ schema: 'parts', column: 'stamp' }),
  alter: (table) => sql`ALTER TABLE ${table} ADD COLUMN stamp integer NOT NULL DEFAULT 0`,
};

it.each<[string, Partial<AlterOptions>, string]>([
  ['a name with capitals', { name: 'Stamps' }, 'migration "Stamps", name: got "Stamps"'],
  [
    'tables that are a list',
    { tables: ['a'] as unknown as Sql },
    'tables: got ["a"], allowed is SQL, written as sql`…`',
  ],
  [
    'a query that the Data API would garble',
    { tables: sql`SELECT 'a' AS schema, (ARRAY['b'])[1:1] AS name, true AS lacks` },
    'tables: ":1" would be taken for a parameter by the Data API',
  ],
  [
    'a change that is no SQL',
    { alter: () => 'ALTER' as unknown as Sql },
    'alter: got "ALTER", allowed is SQL',
  ],
  [
    'two statements',
    { alter: (t) => sql`ALTER TABLE ${t} ADD a text; ALTER TABLE ${t} ADD b text` },
    'alter: a semicolon',
  ],
  ['dollar quotes', { alter: (t) => sql`COMMENT ON TABLE ${t} IS $$x$$` }, 'alter: dollar quotes ($$…)'],
  [
    'a value, which DDL does not take',
    { alter: (t) => sql`ALTER TABLE ${t} ADD COLUMN stamp integer DEFAULT ${7}` },
    'alter: got ["7"], allowed is no values: DDL takes no parameters',
  ],
  [
    'a change of always the same table',
    { alter: () => sql`ALTER TABLE parts.a ADD COLUMN stamp integer` },
    'allowed is a change of the table that it is given',
  ],
  ['no table at a time', { maxTables: 0 }, 'maxTables: got 0, allowed is a whole number from 1 to 500'],
  [
    'more tables than there is time for',
    { maxTables: 501 },
    'maxTables: got 501, allowed is a whole number from 1 to 500, for which maxLockedSeconds (10) has room at 20 ms each',
  ],
  ['locks held for longer than a statement may take', { maxLockedSeconds: 41 }, 'maxLockedSeconds: got 41'],
  [
    'a wait for locks that is never over',
    { lockTimeoutSeconds: 0 },
    'lockTimeoutSeconds: got 0, allowed is more than 0, less than maxLockedSeconds (10)',
  ],
])('A migration of tables that cannot work is refused when it is written: %s', (_, changed, message) => {
  expect(() => alterTables({ ...options, ...changed })).toThrow(message);
});
