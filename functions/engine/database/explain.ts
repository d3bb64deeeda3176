import { number, object, tuple } from 'valibot';
import type { Database } from './data-api.ts';
import { json } from './row-shape.ts';
import { type Sql, sql } from './sql.ts';

/** What the planner expects of a query. */
export interface Plan {
  /** In the planner's units, about one for each page that is read in sequence; some 100,000 of them take a second. */
  readonly cost: number;
  readonly rows: number;
}

/** Asks the planner about a query, which is not run. */
export async function explain(database: Database, query: Sql): Promise<Plan> {
  const [row] = await database.query(sql`EXPLAIN (FORMAT JSON) ${query}`, {
    'QUERY PLAN': json(tuple([object({ Plan: object({ 'Total Cost': number(), 'Plan Rows': number() }) })])),
  });
  const plan = row?.['QUERY PLAN'][0].Plan;
  return { cost: plan?.['Total Cost'] ?? 0, rows: plan?.['Plan Rows'] ?? 0 };
}
