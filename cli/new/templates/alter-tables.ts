import { literal } from '../typescript.ts';
import { importing, type NewMigration, note, schemaIn, toFillIn } from './written.ts';

/** A change of all tables of a schema. */
export function alterTablesFile(migration: NewMigration): string {
  const { name, constant } = migration;
  const body = `
${note}export const ${constant} = alterTables({
  name: ${literal(name)},
  // Every table of the schema, and whether it lacks the column; tablesMissingColumn takes one table in the schema of every tenant. For others
  // write a query with the columns schema, name and lacks.
  tables: partitionsMissingColumn({
    schema: ${schemaOf(migration)},
    column: ${toFillIn(migration, literal('column_name'))},
  }),
  // The change of one table: all that lack it are changed in one transaction, or none is.
  alter: ${toFillIn(migration, `(table) => sql\`ALTER TABLE \${table} ADD COLUMN column_name text\``)},
});
`;
  return `${importing(['alterTables', 'fillIn', 'partitionsMissingColumn', 'sql'], body)}${body}`;
}

function schemaOf(migration: NewMigration): string {
  const { table, known } = migration;
  const schema = known?.schema ?? schemaIn(table);
  return schema === undefined ? toFillIn(migration, literal('public')) : literal(schema);
}
