import { createHash } from 'node:crypto';
import { nullable, number, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { join, type Sql, sql, when } from '../database/sql.ts';
import { compare, describeTable, type Key, keyAsJson, keyColumns, keyValues } from '../database/table.ts';
import type { RowMigration } from '../define/registered.ts';

// Half a second of reading or so: far from the 45 s of a statement, and vacuum is held back no longer than that.
const pageRows = 100_000;

/** A digest of the contents of a migration's table: the same as long as every row is. Reads all of it, in pages. */
export async function fingerprint(database: Database, migration: RowMigration): Promise<string> {
  const table = await describeTable(database, migration);
  const columns = keyColumns(table);
  const order = (direction: Sql) =>
    join(
      columns.map((column) => sql`${column} ${direction}`),
      ', ',
    );
  const digest = createHash('sha256');
  for (let last: Key | undefined; ; ) {
    const after = last && compare(columns, '>', keyValues(table, last));
    const [page] = await database.query(
      sql`
      WITH "page#" AS (
        SELECT * FROM ${table.name} ${when(after, sql`WHERE ${after ?? sql`true`}`)} ORDER BY ${order(sql`ASC`)} LIMIT ${pageRows}
      )
      SELECT count(*) AS rows, sum(hashtextextended(${table.alias}::text, 0)::numeric)::text AS digest,
        (SELECT ${keyAsJson(columns)}::text FROM "page#" AS ${table.alias} ORDER BY ${order(sql`DESC`)} LIMIT 1) AS last
      FROM "page#" AS ${table.alias}`,
      { rows: number(), digest: nullable(string()), last: nullable(key) },
    );
    digest.update(`${page?.rows} ${page?.digest}\n`);
    if (page === undefined || page.last === null || page.rows < pageRows) {
      return digest.digest('hex');
    }
    last = page.last;
  }
}
