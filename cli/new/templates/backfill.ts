import { inComment, literal, propertyName } from '../typescript.ts';
import {
  described,
  exampleColumn,
  importing,
  inSql,
  keyOf,
  type NewMigration,
  note,
  toFillIn,
} from './written.ts';

/** A change that is SQL. */
export function backfillFile(migration: NewMigration): string {
  const { name, constant, table } = migration;
  const column = exampleColumn(migration);
  const where = toFillIn(migration, `sql\`${inSql(column)} IS NULL\``);
  const value = toFillIn(migration, "sql`'the new value'`");
  const body = `
${note}export const ${constant} = backfill({
  name: ${literal(name)},
  table: ${literal(table)},
  key: ${keyOf(migration)},
  // Rows that still need the change. One that has been changed must not match any more.
  where: ${where},
  // The new value of each column that changes, from the row as it is.
${columnsOf(migration)}  set: { ${propertyName(column.name)}: ${value} },
});
`;
  return `${importing(['backfill', 'fillIn', 'sql'], body)}${body}`;
}

function columnsOf({ known, table }: NewMigration): string {
  if (known === undefined) {
    return '';
  }
  const names = known.columns.map(({ name }) => inComment(name));
  const width = Math.max(...names.map((name) => name.length));
  const lines = known.columns.map((column, i) => `  //   ${names[i]?.padEnd(width)}  ${described(column)}\n`);
  return `  // ${inComment(table)} has:\n${lines.join('')}`;
}
