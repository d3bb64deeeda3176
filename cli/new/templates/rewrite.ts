import { listOf, literal, propertyName } from '../typescript.ts';
import {
  exampleColumn,
  importing,
  inSql,
  keyOf,
  type NewMigration,
  note,
  property,
  toFillIn,
  valuesOf,
} from './written.ts';

/** A change that is TypeScript, one row at a time. */
export function rewriteFile(migration: NewMigration): string {
  const { name, constant, table } = migration;
  const column = exampleColumn(migration);
  const changed = propertyName(column.name);
  const value = changed === column.name ? `row.${changed}` : `row[${literal(column.name)}]`;
  const body = `
/** A row as \`transform\` sees it. Keep the columns that it reads or writes. */
interface Row {
${rowOf(migration)}}

${note}export const ${constant} = rewrite<Row>({
  name: ${literal(name)},
  table: ${literal(table)},
  key: ${keyOf(migration)},
  // The columns that the change reads or writes, apart from the key, which is always there to read.
  columns: ${toFillIn(migration, listOf(valuesOf(migration).map((each) => each.name)))},
  // Rows that still need the change. One that has been changed must not match any more.
  where: ${toFillIn(migration, `sql\`${inSql(column)} IS NULL\``)},
  // The new values of the columns that change, of the row alone. A throw leaves the row as it is, and records why.
  transform: ${toFillIn(migration, `(row) => ({ ${changed}: ${value} })`)},
});
`;
  return `${importing(['fillIn', 'rewrite', 'sql'], body)}${body}`;
}

function rowOf(migration: NewMigration): string {
  const { known } = migration;
  const key = (known?.columns ?? []).filter(({ name }) => known?.key?.includes(name));
  return [...key, ...valuesOf(migration)].map((column) => `  ${property(column)}\n`).join('');
}
