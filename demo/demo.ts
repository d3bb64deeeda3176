import { boolean, number, string } from 'valibot';
import { sql } from '../functions/engine/database/sql.ts';
import { ledger } from '../functions/engine/ledger/names.ts';
import type { LocalApplication } from '../local/application.ts';
import { prepareDemo } from './database/prepare.ts';
import { demoApplication } from './infra/application.ts';

/** The demo, as it runs on this machine. */
export const demo: LocalApplication = {
  ...demoApplication(),
  prepare: ({ url, fresh }) => prepareDemo({ connectionString: url }, fresh),
  searchPath: ['demo'],
  async followUpProgress(database, executionArn) {
    const rows = await database.query(
      sql`
      SELECT job, events, (SELECT count(*) FROM employee_events) AS known, finished_at IS NOT NULL AS ended
      FROM ${ledger.rebuilds} WHERE execution_arn = ${executionArn}`,
      { job: string(), events: number(), known: number(), ended: boolean() },
    );
    return rows.map(({ job, events, known, ended }) => ({ name: job, done: events, known, ended }));
  },
};
