import { string } from 'valibot';
import { type Sql, sql } from '../../functions/engine/database/sql.ts';
import type { Call, TestEngine } from './engine.ts';

/** The plan of a statement that is on its way. */
export async function planOf(engine: TestEngine, { body }: Call): Promise<string> {
  const { sql: text, parameters } = JSON.parse(body) as {
    sql: string;
    parameters: readonly { name: string; value: Record<string, string | number | boolean> }[];
  };
  const values = new Map(
    parameters.map(({ name, value }) => [name, Object.values(value)[0] as string | number]),
  );
  const statement: Sql = {
    kind: 'sql',
    pieces: text.split(/:p\d+\b/),
    values: [...text.matchAll(/:(p\d+)\b/g)].map(([, name]) => values.get(String(name)) ?? null),
  };
  const lines = await engine.dataApi().query(sql`EXPLAIN ${statement}`, { 'QUERY PLAN': string() });
  return lines.map((line) => line['QUERY PLAN']).join('\n');
}
