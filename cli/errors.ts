import { array, exactOptional, number, object, string } from 'valibot';
import type { Database } from '../functions/engine/database/data-api.ts';
import { json as jsonOf } from '../functions/engine/database/row-shape.ts';
import { sql } from '../functions/engine/database/sql.ts';
import { ledger } from '../functions/engine/ledger/names.ts';
import { allRowErrors, type RecordedRowError } from '../functions/engine/overview/all-row-errors.ts';
import { latestFindings } from '../functions/engine/overview/latest-findings.ts';
import { whatFailed } from '../functions/engine/validate/run-validations.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { counted, localTime } from './output/format.ts';
import { csv as csvOf } from './output/spreadsheet.ts';
import { table } from './output/table.ts';
import { statusOfOne } from './system/status.ts';

export const errors: OperatorCommand<{ readonly json?: boolean; readonly csv?: boolean }> = {
  usage: 'errors <migration>',
  about:
    'list the rows that could not be migrated: key, reason, SQLSTATE, when; and some of those that its validations found invalid',
  exits: ['listed, if there are any', 'the system cannot be reached', noSuchMigration],
  options: [
    jsonOption,
    ['--csv', "print CSV, with a header; what looks like a formula gets a ' before it, except a number (-5)"],
  ],
  async run(system, { json, csv }, name = '') {
    if (json && csv) {
      throw new Misuse('--json or --csv, not both');
    }
    const { out, err } = system.io;
    const { status } = await statusOfOne(system, name);
    const database = await system.database();
    const found = status.line === undefined ? [] : await allRowErrors(database, name);
    if (json) {
      out.write(`${JSON.stringify(found, null, 2)}\n`);
    } else if (csv) {
      out.writeExactly(csvOf(columns, found.map(flat)));
    } else if (found.length > 0) {
      out.write(forPeople(found));
    }
    if (!json && !csv && status.line !== undefined) {
      const invalid = await whatIsInvalid(database, name);
      out.write(invalid === '' ? '' : `${invalid}\n`);
    }
    err.write(
      found.length === 0
        ? `${name} has no row errors\n`
        : `${counted(found.length, 'row error')}. Once ${found.length === 1 ? 'it is' : 'they are'} corrected: ${system.command(`retry ${name}`)}\n`,
    );
    return 0;
  },
};

const columns = ['key', 'reason', 'sqlstate', 'at'] as const;

const findings = array(
  object({
    name: string(),
    failedRows: number(),
    keys: array(string()),
    unevaluated: number(),
    reason: exactOptional(string()),
  }),
);

/** In words what validations found last; empty where all holds. */
async function whatIsInvalid(database: Database, name: string): Promise<string> {
  const [row] = await database.query(
    sql`SELECT (${latestFindings()})::text AS found FROM ${ledger.migrations} m WHERE m.name = ${name}`,
    { found: jsonOf(findings) },
  );
  return whatFailed(row?.found ?? [], true);
}

const flat = ({ key, ...rest }: RecordedRowError) => ({ ...rest, key: key.join(', ') });

function forPeople(found: readonly RecordedRowError[]): string {
  return table(
    ['key', 'reason', 'SQLSTATE', 'when'],
    found.map(({ key, reason, sqlstate, at }) => [key.join(', '), reason, sqlstate ?? '', localTime(at)]),
  );
}
