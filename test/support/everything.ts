import type { TestDatabase } from './database.ts';

/**
 * All that a database holds, to compare it with what it holds later: every row of every table, every object of the
 * catalog that is not PostgreSQL's own, and where the sequences stand.
 */
export async function everythingIn(database: TestDatabase): Promise<Readonly<Record<string, unknown>>> {
  const own = `nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;
  const tables = await database.query<{ name: string }>(`
    SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND ${own} ORDER BY 1`);
  const contents = tables.map(
    ({ name }) => `
      SELECT '${name}' AS name, count(*), md5(string_agg(line, E'\\n' ORDER BY line)) AS digest
      FROM (SELECT t::text AS line FROM ${name} t) AS lines`,
  );
  const everything: Record<string, unknown> = {
    tables: await database.query(`${contents.join(' UNION ALL ')} ORDER BY name`),
  };
  everything.schemas = await database.query(`SELECT nspname, nspacl FROM pg_namespace ORDER BY 1`);
  everything.relations = await database.query(`
    SELECT nspname, relname, relkind, relhasindex, relhastriggers, relchecks, relnatts, reloptions, relacl
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE ${own} ORDER BY 1, 2`);
  everything.columns = await database.query(`
    SELECT attrelid::regclass::text AS relation, attname, atttypid::regtype::text AS type, attnotnull, atthasdef, attisdropped
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE ${own} ORDER BY 1, attnum`);
  everything.constraints = await database.query(
    `SELECT conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2, 4`,
  );
  everything.functions = await database.query(`
    SELECT nspname, proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE ${own} ORDER BY 1, 2`);
  everything.sequences = await database.query(
    `SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2`,
  );
  return everything;
}
