import type { Runner } from '../../init/templates/runner.ts';
import { literal } from '../typescript.ts';
import { exampleColumn, type NewMigration, schemaIn } from './written.ts';

/** What the test of a new migration imports from. */
export interface TestImports {
  readonly runner: Runner;
  /** The module of the migration, as the registry names it. */
  readonly module: string;
  /** The module of the project's config. */
  readonly config: string;
}

/** The test of a migration of rows. It fails until it says what the rows should be. */
export function rowsTest(migration: NewMigration, imports: TestImports): string {
  const { name, constant } = migration;
  const { timeout } = imports.runner;
  const start = head(migration, imports, {
    asserts: ['deepEqual', 'ok'],
    begin:
      "\n  // Rows that need it, unless the schema comes with some: await system.query('INSERT INTO …');",
  });
  return `${start}
test(${literal(`${name} changes rows, and changes nothing more when it runs again`)}, async () => {
  const { rows_updated, errors = 0, final_state } = await system.verify(${constant});
  deepEqual({ errors, final_state }, { errors: 0, final_state: 'unchanged' });
  ok(rows_updated > 0, 'no row was changed: insert some that need it, above');
}${timeout});

test(${literal(`${name} leaves rows as they should be`)}, async () => {
  await system.migrate(${constant});
  const rows: unknown = await system.query(${literal(rowsOf(migration))});
  deepEqual(rows, 'fill in: the rows as they should be');
}${timeout});
`;
}

/** The test of a migration of tables. It fails until it says what the tables should be. */
export function tablesTest(migration: NewMigration, imports: TestImports): string {
  const { name, constant, known, table } = migration;
  const schema = known?.schema ?? schemaIn(table) ?? 'public';
  return `${head(migration, imports, { asserts: ['deepEqual'], begin: '' })}
test(${literal(`${name} leaves tables as they should be`)}, async () => {
  await system.migrate(${constant});
  const columns: unknown = await system.query(
    'SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = $1 ORDER BY 1, ordinal_position',
    [${literal(schema)}],
  );
  deepEqual(columns, 'fill in: the columns as they should be, of the tables that it changes');
}${imports.runner.timeout});
`;
}

function head(
  { constant }: NewMigration,
  { runner, module: ownModule, config }: TestImports,
  { asserts, begin }: { readonly asserts: readonly string[]; readonly begin: string },
): string {
  const { module, before, after, timeout } = runner;
  return `import { ${asserts.join(', ')} } from 'node:assert/strict';
import { startTestSystem, type TestSystem } from 'serverless-data-migrations/testing';
import { ${after}, ${before}, test } from '${module}';
import { config } from ${literal(config)};
import { ${constant} } from ${literal(ownModule)};

let system: TestSystem;
${before}(async () => {
  system = await startTestSystem(await config.application());${begin}
}${timeout});
${after}(() => system?.stop()${timeout});
`;
}

function rowsOf(migration: NewMigration): string {
  const { table, known } = migration;
  const columns = [...(known?.key ?? []), exampleColumn(migration).name].map(quoted);
  const order = known?.key === undefined ? '' : ` ORDER BY ${known.key.map(quoted).join(', ')}`;
  return `SELECT ${columns.join(', ')} FROM ${table.split('.').map(quoted).join('.')}${order}`;
}

/** In quotes always: which bare words mean something else, only PostgreSQL knows. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
