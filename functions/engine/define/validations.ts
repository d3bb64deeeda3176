import { labelled } from '../database/place.ts';
import { closed, identifier, isSql, join, type Sql, sql, tableName, unsendable } from '../database/sql.ts';
import { compare, keyColumns, type Table } from '../database/table.ts';
import { MigrationFailed, shown } from '../errors.ts';

/**
 * A named check over the migrated table: each of its rows passes or fails. A plain value, so that two of a kind get names
 * of their own: `{ ...noNulls('email'), name: 'email_present' }`.
 */
export interface Validation {
  /** What the result map calls it. */
  readonly name: string;
}

/** A validation as the engine evaluates it. */
export interface TableValidation extends Validation {
  /** Columns that must exist. */
  readonly columns: readonly string[];
  /** The condition that is true for a row which fails the check. */
  readonly fails: (table: Table) => Sql;
}

const tableValidation = (validation: TableValidation): Validation => validation;

/** Whether it was made by one of the functions here. */
export function isTableValidation(validation: Validation): validation is TableValidation {
  return typeof (validation as Partial<TableValidation>).fails === 'function';
}

/**
 * None of these columns is NULL.
 *
 * @example
 * validate: [noNulls('full_name', 'email')]
 */
export function noNulls(...columns: readonly string[]): Validation {
  return tableValidation({
    name: 'no_nulls',
    columns: some('no_nulls', columns),
    fails: (table) => either(columns.map((column) => sql`${columnOf(table, column)} IS NULL`)),
  });
}

/**
 * The column looks like an e-mail address: something before one `@`, and after it a name with a dot inside; no space
 * anywhere. NULL passes. Whether there is such an address only a mail can tell, and every stricter expression refuses some
 * that there are.
 */
export function emailFormat(column: string): Validation {
  return tableValidation({
    name: 'email_format',
    columns: [column],
    fails: (table) => sql`${columnOf(table, column)}::text !~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$'`,
  });
}

/**
 * No other row of the table has the same values in these columns; every row of a pair that does fails. As for a unique
 * index, NULL is the same as nothing. It takes an index that begins with them, unless the table is small.
 *
 * @example
 * validate: [unique('email'), { ...unique('tenant', 'number'), name: 'number_unique' }]
 */
export function unique(...columns: readonly string[]): Validation {
  return tableValidation({
    name: 'unique',
    columns: some('unique', columns),
    fails: (table) => {
      const other = identifier('other#');
      const same = columns.map((column) => sql`${other}.${identifier(column)} = ${columnOf(table, column)}`);
      const itself = compare(
        table.key.map(({ name }) => sql`${other}.${identifier(name)}`),
        '=',
        keyColumns(table),
      );
      return sql`EXISTS (SELECT FROM ${table.name} AS ${other} WHERE ${join(same, ' AND ')} AND NOT ${itself})`;
    },
  });
}

/**
 * Where these columns point, there is a row. A row with a NULL among them points nowhere, and passes.
 *
 * @example
 * validate: [foreignKey('stage_id', { table: 'ci_stages', columns: 'id' })]
 */
export function foreignKey(
  columns: string | readonly string[],
  references: { readonly table: string; readonly columns: string | readonly string[] },
): Validation {
  const from = some('foreign_key', list(columns));
  const to = list(references.columns);
  if (from.length !== to.length) {
    throw new MigrationFailed(
      `validation "foreign_key": ${from.join(', ')} cannot point to ${to.join(', ') || 'nothing'} of ` +
        `${references.table}; allowed is one column there for each here`,
    );
  }
  return tableValidation({
    name: 'foreign_key',
    columns: from,
    fails: (table) => {
      const other = identifier('other#');
      const points = from.map((column) => sql`${columnOf(table, column)} IS NOT NULL`);
      const there = from.map(
        (column, i) => sql`${other}.${identifier(to[i] as string)} = ${columnOf(table, column)}`,
      );
      const referenced = tableName(references.table);
      return sql`${join(points, ' AND ')} AND NOT EXISTS (
        SELECT FROM ${referenced} AS ${other} WHERE ${join(there, ' AND ')})`;
    },
  });
}

/**
 * The column has one of these values; strings are compared with what the value looks like as text. NULL passes.
 *
 * @example
 * validate: [oneOf('status', ['open', 'closed'])]
 */
export function oneOf(
  column: string,
  values: readonly string[] | readonly number[] | readonly boolean[],
): Validation {
  if (values.length === 0) {
    throw new MigrationFailed(`validation "value_set" of ${column}: got no values, allowed is at least one`);
  }
  for (const value of values) {
    const problem = unsendable(sql`${value}`);
    if (problem !== undefined) {
      throw new MigrationFailed(`validation "value_set" of ${column}: ${problem}`);
    }
  }
  return tableValidation({
    name: 'value_set',
    columns: [column],
    fails: (table) => {
      const value =
        typeof values[0] === 'string' ? sql`${columnOf(table, column)}::text` : columnOf(table, column);
      return sql`${value} NOT IN (${join(
        values.map((allowed) => sql`${allowed}`),
        ', ',
      )})`;
    },
  });
}

/**
 * A condition over the table's columns holds. Where it gives NULL it does not: say `… OR x IS NULL` if that is meant.
 *
 * @example
 * validate: [condition('cents_match_total', sql`cents = total * 100`)]
 */
export function condition(name: string, holds: Sql): Validation {
  const problem = isSql(holds) ? unsendable(holds) : `got ${shown(holds)}, allowed is sql\`…\``;
  if (problem !== undefined) {
    throw new MigrationFailed(`validation "${name}": ${problem}`);
  }
  return tableValidation({
    name,
    columns: [],
    fails: () => sql`(${labelled(closed(holds), `condition ${name}`)}) IS NOT TRUE`,
  });
}

const columnOf = (table: Table, column: string): Sql => sql`${table.alias}.${identifier(column)}`;

const either = (conditions: readonly Sql[]): Sql => sql`(${join(conditions, ' OR ')})`;

const list = (columns: string | readonly string[]): readonly string[] =>
  typeof columns === 'string' ? [columns] : columns;

function some(name: string, columns: readonly string[]): readonly string[] {
  if (columns.length > 0) {
    return columns;
  }
  throw new MigrationFailed(`validation "${name}": got no column, allowed is at least one`);
}
