import { nullable, string } from 'valibot';
import type { Database } from '../database/data-api.ts';
import { key } from '../database/row-shape.ts';
import { quotedText, type Sql, sql, unsafeSql, withLiterals } from '../database/sql.ts';
import { keyAsJson, keyName, type Table } from '../database/table.ts';
import { limited } from '../database/transaction-limits.ts';
import { type RowError, stillMatches } from '../ledger/row-errors.ts';
import { sendAhead } from './received.ts';

/** A page of rows, and how one of them is changed by itself. */
export interface RowByRow {
  readonly table: Table;
  /** A query for the rows, each with its key under the names of `keyName`. */
  readonly rows: Sql;
  /** The update of the row that is tried, given its variable, and a condition over what it has become: it still is in need. */
  readonly change: (row: Sql) => { readonly update: Sql; readonly matches: Sql };
  /** What is sent ahead for `rows`. */
  readonly ahead?: string;
}

// By what the block ends the trial of a row: class MG is nobody's.
const undone = 'MG001';
const stillMatching = 'MG002';

/** The row that is tried, a variable of the block. */
const row = unsafeSql('"row#"');

// Data exceptions, NOT NULL, CHECK, a view's CHECK OPTION and what is too large for an index depend on nothing but the row. Keys,
// exclusions and triggers may depend on other rows of the batch, which would have been changed before: halving tries them in order.
const isOfRowAlone = new RegExp(`^(22...|23502|23514|44000|54000|${stillMatching})$`);

// Each takes up to 300 characters of a result that may have a million.
const mostFound = 1_000;

/**
 * The rows of a page that cannot be changed, each with its reason, at most so many: found by one statement, in time that
 * grows with the page and not with the number of bad rows. Each row is changed and put back in a subtransaction of its own;
 * one that has been rolled back leaves nothing in the snapshots of others, however many there are. Without those that might be
 * changed together with others, or after them. Throws DatabaseError.
 */
export async function badRows(
  database: Database,
  { table, rows, change, ahead }: RowByRow,
  most: number,
): Promise<readonly RowError[]> {
  const { update, matches } = change(row);
  const keyOfRow = keyAsJson(table.key.map((_, i) => sql`${row}.${keyName(i)}`));
  const block = sql`
    #variable_conflict use_column
    DECLARE
      "row#" record;
      "still#" boolean;
      "hint#" text;
      "bad#" jsonb[] := '{}';
    BEGIN
      FOR "row#" IN ${rows} LOOP
        BEGIN
          ${update} RETURNING (${matches}) IS TRUE INTO "still#";
          IF "still#" THEN
            RAISE EXCEPTION USING ERRCODE = ${stillMatching}, MESSAGE = ${stillMatches};
          END IF;
          RAISE EXCEPTION USING ERRCODE = ${undone};
        EXCEPTION
          WHEN SQLSTATE ${unsafeSql(`'${undone}'`)} THEN NULL;
          WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS "hint#" = PG_EXCEPTION_HINT;
            "bad#" := array_append("bad#", jsonb_build_object('key', ${keyOfRow}, 'message', left(SQLERRM, 300),
              'hint', "hint#", 'sqlstate', SQLSTATE));
        END;
        EXIT WHEN cardinality("bad#") >= ${Math.min(most, mostFound)};
      END LOOP;
      PERFORM set_config('data_migrations.bad_rows', to_jsonb("bad#")::text, true);
    END`;
  const found = await database.transaction(async (tx) => {
    await tx.execute(limited());
    if (ahead !== undefined) {
      await sendAhead(tx, ahead);
    }
    await tx.execute(unsafeSql(`DO ${quotedText(withLiterals(block))}`));
    return tx.query(
      sql`
      SELECT "bad#".key::text AS key, "bad#".message, "bad#".hint, "bad#".sqlstate
      FROM jsonb_to_recordset(current_setting('data_migrations.bad_rows')::jsonb)
        AS "bad#" (key jsonb, message text, hint text, sqlstate text)`,
      { key, message: string(), hint: nullable(string()), sqlstate: string() },
    );
  });
  return found.filter(({ sqlstate }) => isOfRowAlone.test(sqlstate)).map(rowError);
}

interface Found {
  readonly key: RowError['key'];
  readonly message: string;
  readonly hint: string | null;
  readonly sqlstate: string;
}

/** In the words in which the Data API would have said it. */
function rowError({ key, message, hint, sqlstate }: Found): RowError {
  if (sqlstate === stillMatching) {
    return { key, reason: message, sqlstate: null };
  }
  const advice = hint ? `; Hint: ${hint}` : '';
  return { key, reason: `ERROR: ${message}${advice}; SQLState: ${sqlstate}`, sqlstate };
}
