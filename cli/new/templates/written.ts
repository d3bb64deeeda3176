import type { Form } from '../../../functions/engine/database/table.ts';
import type { KnownColumn, KnownTable } from '../known-table.ts';
import { inComment, listOf, literal, propertyName } from '../typescript.ts';

/** What the file of a new migration is made of. */
export interface NewMigration {
  readonly name: string;
  /** The name of its constant. */
  readonly constant: string;
  readonly table: string;
  /** What a database said of the table; undefined where none was asked, or it had no such table. */
  readonly known: KnownTable | undefined;
}

/** The beginning of a file, which says once what its `fillIn` is. */
export const note = `// Not filled in yet: each fillIn(…) has an example, and throws until what fits stands in its place. So an unfinished migration fails
// tests, synth and every command, and is never deployed. This comment goes with the last of them.
`;

/** Something of the migration that its author has to say. */
export const toFillIn = ({ name }: NewMigration, example: string): string =>
  `fillIn(${literal(name)}, ${example})`;

/** The option `key`. */
export function keyOf(migration: NewMigration): string {
  const { known } = migration;
  if (known?.key === undefined) {
    return toFillIn(migration, literal('id'));
  }
  const [first = '', ...more] = known.key;
  return more.length === 0 ? literal(first) : listOf(known.key);
}

/** A column to show where a column stands: one that may be NULL, as a new one is, if there is any. */
export function exampleColumn(migration: NewMigration): KnownColumn {
  const columns = valuesOf(migration);
  return columns.find(({ isNotNull }) => !isNotNull) ?? columns[0] ?? unknownColumn;
}

/** The schema in the name of a table; undefined if it has none. */
export function schemaIn(table: string): string | undefined {
  const parts = table.split('.');
  return parts.length > 1 ? parts[0] : undefined;
}

/** The columns outside the key, which a migration may change; an invented one where none is known. */
export function valuesOf({ known }: NewMigration): readonly KnownColumn[] {
  const values = (known?.columns ?? []).filter(({ name }) => !known?.key?.includes(name));
  return values.length === 0 ? [unknownColumn] : values;
}

const unknownColumn: KnownColumn = {
  name: 'column_name',
  quoted: 'column_name',
  type: 'text',
  form: 'text',
  isNotNull: false,
};

/** A column in sql`…`: its name, if no character of it means anything there, or else the name as a value of `identifier`. */
export function inSql({ name, quoted }: KnownColumn): string {
  return /^[\w" -]+$/.test(quoted) ? quoted : `\${identifier(${literal(name)})}`;
}

/** What a file imports of the package; `identifier` only where its text has it. */
export function importing(names: readonly string[], text: string): string {
  const all = text.includes('${identifier(') ? [...names, 'identifier'] : names;
  return `import { ${[...all].sort().join(', ')} } from 'serverless-data-migrations';\n`;
}

/** How values of a column look to `transform`. */
const types: Readonly<Record<Form, string>> = {
  json: 'unknown',
  jsonb: 'unknown',
  bytes: 'Uint8Array',
  boolean: 'boolean',
  number: 'number',
  text: 'string',
};

/** A column as a property of a row's type, with its own type beside it. */
export function property({ name, type, form, isNotNull }: KnownColumn): string {
  const typed = isNotNull || types[form] === 'unknown' ? types[form] : `${types[form]} | null`;
  return `readonly ${propertyName(name)}: ${typed}; // ${described({ type, isNotNull })}`;
}

/** A column's type, for a comment. */
export const described = ({ type, isNotNull }: Pick<KnownColumn, 'type' | 'isNotNull'>): string =>
  `${inComment(type)}${isNotNull ? ' NOT NULL' : ''}`;
