import { InvalidArgumentError } from 'commander';
import { defaultRows, verifyWithSamples } from '../functions/engine/trial/verify.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { counted } from './output/format.ts';
import { table } from './output/table.ts';
import { requireKnown } from './system/names.ts';

interface VerifyOptions {
  readonly runs?: number;
  readonly rows?: number | 'all';
  readonly json?: boolean;
}

export const verify: OperatorCommand<VerifyOptions> = {
  usage: 'verify <migration>',
  about:
    'run a migration several times on a scratch copy of its table, and see whether that changes anything',
  exits: [
    'it may run again: the first run leaves what all of them leave',
    'it may not: the rows that differ are on stdout; or all rows failed, or more than its errorBudget; or it could not be verified',
    noSuchMigration,
  ],
  options: [
    ['--runs <n>', 'how often to run it, from 2 (default: 3)', wholeNumberFrom(2)],
    ['--rows <n>', `rows to copy at most, or all (default: ${defaultRows}, those in need first)`, rowsFrom],
    jsonOption,
  ],
  async run({ io, registered, database }, { runs = 3, rows = defaultRows, json }, name = '') {
    requireKnown(
      name,
      registered.map((migration) => migration.name),
    );
    const migration = registered.find((each) => each.name === name);
    if (migration === undefined) {
      return 2;
    }
    const { verified, errorSamples, errorBudget } = await verifyWithSamples(await database(), migration, {
      runs,
      rows,
    });
    io.out.write(`${JSON.stringify(verified)}\n`);
    const { differences = [], errors = 0, final_state, rows_updated } = verified;
    const allFailed = rows_updated === 0 && errors > 0;
    if (allFailed) {
      io.err.write('No row was changed, so this shows nothing: every row that needs the change failed\n');
    } else if (rows_updated === 0) {
      io.err.write('No row was changed, so this shows nothing: there was none in the old form\n');
    }
    if (errors > 0) {
      io.err.write(
        `${counted(errors, 'row')} could not be migrated, and stayed as ${errors === 1 ? 'it was' : 'they were'}\n`,
      );
      const failed = errorSamples.map(({ key, reason, sqlstate }) => [
        key.join(', '),
        reason,
        sqlstate ?? '',
      ]);
      io.err.write(table(['key', 'failed', 'SQLSTATE'], failed));
    }
    if (errors > errorBudget) {
      io.err.write(`A run would end with ErrorBudgetSpent: its errorBudget is ${errorBudget}\n`);
    }
    if (final_state === 'unchanged') {
      return allFailed || errors > errorBudget ? 1 : 0;
    }
    io.err.write(`${name} may not run again: a later run changes what the first one left\n`);
    if (json) {
      return 1;
    }
    const changes = differences.flatMap(({ key, changes }) =>
      Object.entries(changes).map(([column, [first, last]]) => [
        key,
        column,
        first ?? 'NULL',
        last ?? 'NULL',
      ]),
    );
    io.err.write(table(['key', 'column', 'after run 1', 'after a later one'], changes));
    return 1;
  },
};

function wholeNumberFrom(least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) {
      return value;
    }
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
  };
}

function rowsFrom(text: string): number | 'all' {
  return text === 'all' ? text : wholeNumberFrom(1)(text);
}
