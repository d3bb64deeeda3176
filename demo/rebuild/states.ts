import { boolean, nullable, string } from 'valibot';
import { encode, parseJson } from '../../functions/engine/batch/row-values.ts';
import type { Statements, Value } from '../../functions/engine/database/data-api.ts';
import {
  identifier,
  join,
  regclass,
  type Sql,
  sql,
  textOf,
  unsafeSql,
} from '../../functions/engine/database/sql.ts';
import type { Form } from '../../functions/engine/database/table.ts';
import { MigrationFailed, messageOf } from '../../functions/engine/errors.ts';
import type { Projection, State } from '../projections/projection.ts';
import { freshTable } from './prepare.ts';

/** A column of the projection's table. */
export interface StateColumn {
  readonly name: string;
  readonly type: string;
  readonly form: Form;
  /** Of int8 and numeric, which hold numbers that JavaScript would round: its values are text. */
  readonly isExact: boolean;
  /** The database makes its values, and nobody else may. */
  readonly isGenerated: boolean;
  /** As SQL. */
  readonly byDefault: string | null;
}

export type StateColumns = ReadonlyMap<string, StateColumn>;

/** The columns that the fresh table has now. */
export async function stateColumns(database: Statements, projection: Projection): Promise<StateColumns> {
  const fresh = freshTable(projection);
  const rows = await database.query(
    sql`
    SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
      COALESCE(base.typname, t.typname)::text AS base,
      a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
      CASE a.attidentity WHEN 'd' THEN format('nextval(%L)', pg_get_serial_sequence(${textOf(fresh)}, a.attname))
        ELSE pg_get_expr(d.adbin, d.adrelid) END AS "default"
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type base ON base.oid = NULLIF(t.typbasetype, 0)
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = ${regclass(fresh)} AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum`,
    { name: string(), type: string(), base: string(), generated: boolean(), default: nullable(string()) },
  );
  return new Map(
    rows.map(({ name, type, base, generated, default: byDefault }) => [
      name,
      {
        name,
        type,
        form: formOf(base),
        isExact: /^(int8|numeric)$/.test(base),
        isGenerated: generated,
        byDefault,
      },
    ]),
  );
}

function formOf(type: string): Form {
  if (type === 'json' || type === 'jsonb') {
    return type;
  }
  return /^(int[248]|numeric|float[48])$/.test(type) ? 'number' : 'text';
}

const written = (columns: StateColumns): StateColumn[] =>
  [...columns.values()].filter(({ isGenerated }) => !isGenerated);

/** The states, so far, of these entities, by entity. Throws MigrationFailed for one that JavaScript cannot hold exactly. */
export async function readStates(
  database: Statements,
  projection: Projection,
  columns: StateColumns,
  entities: readonly Value[],
): Promise<Map<string, State>> {
  if (entities.length === 0) {
    return new Map();
  }
  const entity = identifier(projection.entity);
  const fresh = freshTable(projection);
  const asked = JSON.stringify([...new Set(entities)].map((value) => ({ [projection.entity]: value })));
  const values = written(columns).map((column) => selected(column, sql`fresh.${identifier(column.name)}`));
  const { rows } = await database.read(sql`
    SELECT fresh.${entity}::text AS entity, (
      SELECT to_jsonb(state)::text FROM (SELECT ${join(values, ', ')}) AS state
    ) AS state
    FROM ${fresh} AS fresh
    WHERE fresh.${entity} IN (SELECT asked.${entity} FROM jsonb_populate_recordset(NULL::${fresh}, ${asked}::jsonb) AS asked)`);
  return new Map(
    rows.map((row) => {
      const whose = `the state of ${projection.entity} ${row.entity} in ${projection.table}`;
      try {
        return [String(row.entity), asState(columns, whose, row.state ?? null)];
      } catch (error) {
        throw new MigrationFailed(`${projection.job}: ${messageOf(error)}`, { cause: error });
      }
    }),
  );
}

/** Numbers travel as text: JSON of a float8 like 1e300 has its 301 digits, and NaN is none of JSON's. */
function selected({ name, form }: StateColumn, value: Sql): Sql {
  return sql`${value}${unsafeSql(form === 'number' ? '::text' : '')} AS ${identifier(name)}`;
}

function asState(columns: StateColumns, what: string, text: Value): State {
  const values = Object.entries(parseJson(what, String(text)) as State);
  return Object.fromEntries(
    values.map(([name, value]) => {
      const column = columns.get(name);
      const isNumber = column?.form === 'number' && !column.isExact && value !== null;
      return [name, isNumber ? Number(value) : value];
    }),
  );
}

/** What columns of so many rows hold when nothing is said of them, as an INSERT would find out for each row. */
export async function defaultsOf(
  database: Statements,
  columns: StateColumns,
  rows: number,
): Promise<State[]> {
  const values = written(columns).flatMap((column) =>
    column.byDefault === null
      ? []
      : [selected(column, sql`(${unsafeSql(column.byDefault)})::${unsafeSql(column.type)}`)],
  );
  if (values.length === 0) {
    return [];
  }
  const read = await database.read(sql`
    SELECT to_jsonb(state)::text AS state
    FROM (SELECT ${join(values, ', ')} FROM generate_series(1, ${rows}::integer)) AS state`);
  return read.rows.map((row) => asState(columns, 'a default', row.state ?? null));
}

/** Whether a state leaves out a column that has a default. */
export function leavesOutDefaults(columns: StateColumns, state: State): boolean {
  return written(columns).some(({ name, byDefault }) => byDefault !== null && state[name] === undefined);
}

/**
 * The whole row that a state stands for, as the next event finds it: what it leaves out has its default, or is null. Throws a
 * TypeError for a column that is not there or not to be written, and for a value that is not the column's exactly.
 */
export function wholeState(
  projection: Projection,
  columns: StateColumns,
  state: State,
  defaults: State | undefined,
): State {
  for (const [name, value] of Object.entries(state)) {
    const column = columns.get(name);
    if (value !== undefined && (column === undefined || column.isGenerated)) {
      const problem = column === undefined ? 'does not have' : 'has the database generate';
      throw new TypeError(`its state has a column "${name}", which ${projection.table} ${problem}`);
    }
  }
  return Object.fromEntries(
    written(columns).map((column) => {
      const value = state[column.name];
      return [column.name, value === undefined ? (defaults?.[column.name] ?? null) : exact(column, value)];
    }),
  );
}

function exact(column: StateColumn, value: NonNullable<State[string]> | null): State[string] {
  encode(column, value);
  if (!column.isExact || value === null || typeof value === 'string') {
    return value;
  }
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(
      `${column.name} became the number ${value}, which may have been rounded; keep it as text or bigint`,
    );
  }
  return String(value);
}

/** SQL that writes whole states, each in place of the one that its entity had; `from` is a CTE with a row if they may be written. */
export function writeStates(
  projection: Projection,
  columns: StateColumns,
  states: readonly State[],
  from: Sql,
): Sql {
  const fresh = freshTable(projection);
  const names = written(columns).map(({ name }) => identifier(name));
  const rows = states.map((state) => {
    const fields = written(columns).map(
      (column) => `${JSON.stringify(column.name)}:${encode(column, state[column.name] ?? null)}`,
    );
    return `{${fields.join(',')}}`;
  });
  return sql`
    INSERT INTO ${fresh} (${join(names, ', ')})
    SELECT ${join(
      names.map((name) => sql`state.${name}`),
      ', ',
    )}
    FROM ${from}, jsonb_populate_recordset(NULL::${fresh}, ${`[${rows.join(',')}]`}::jsonb) AS state
    ON CONFLICT (${identifier(projection.entity)}) DO UPDATE SET ${join(
      names.map((name) => sql`${name} = excluded.${name}`),
      ', ',
    )}`;
}
