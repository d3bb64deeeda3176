import { isSql, type Sql, unsendable } from '../database/sql.ts';
import { MigrationFailed, messageOf } from '../errors.ts';
import { parseDuration } from '../time/duration.ts';
import { checkWindow } from '../time/maintenance-window.ts';
import type { PaceOptions, RowOptions } from './migration.ts';
import type { RowMigration } from './registered.ts';

const defaultPace: PaceOptions = { targetSeconds: 0.5, restSeconds: undefined, maxRows: 100_000 };

/**
 * The parts that `backfill` and `rewrite` share, checked. Throws MigrationFailed, when the module is loaded: a wrong
 * migration fails tests and deploys, not a run.
 */
export function rowMigration(options: RowOptions): Omit<RowMigration, 'kind' | 'columns' | 'batch'> {
  const key = typeof options.key === 'string' ? [options.key] : options.key;
  const pace = { ...defaultPace, ...options.pace };
  const errorBudget = options.errorBudget ?? 100;
  const check = checker(options.name);
  checkName(options.name);
  check(/^[^.]+(\.[^.]+)?$/.test(options.table), 'table', options.table, 'a table, or schema.table');
  check(
    key.length > 0 && new Set(key).size === key.length,
    'key',
    key,
    'one column or several different ones',
  );
  check(
    Number.isInteger(errorBudget) && errorBudget >= 0,
    'errorBudget',
    errorBudget,
    'a whole number from 0',
  );
  // 20 s leaves a batch that takes twice its target below the 45 s at which the Data API gives up.
  check(
    pace.targetSeconds > 0 && pace.targetSeconds <= 20,
    'pace.targetSeconds',
    pace.targetSeconds,
    'more than 0, at most 20',
  );
  const { restSeconds: rest = 0 } = pace;
  check(rest >= 0 && rest <= 86_400, 'pace.restSeconds', rest, '0 to 86400');
  check(
    Number.isInteger(pace.maxRows) && pace.maxRows > 0,
    'pace.maxRows',
    pace.maxRows,
    'a whole number from 1',
  );
  const { within, window } = options;
  if (within !== undefined) {
    parsed(options.name, 'within', () => parseDuration(within));
  }
  if (window !== undefined) {
    parsed(options.name, 'window', () => checkWindow(window));
  }
  check(
    within === undefined || pace.restSeconds === undefined,
    'pace.restSeconds',
    pace.restSeconds,
    'none beside "within", which works it out',
  );
  if (options.where !== undefined) {
    checkSql(options.name, 'where', options.where);
  }
  const { marker, validate = [], onInvalid = 'fail' } = options;
  check(marker === undefined || marker !== '', 'marker', marker, 'the name of a column');
  check(!key.includes(marker ?? ''), 'marker', marker, 'a column of its own, outside the key');
  const checks = validate.map((validation) => validation.name);
  check(new Set(checks).size === checks.length, 'validate', checks, 'validations with different names');
  check(['restore', 'fail', 'report'].includes(onInvalid), 'onInvalid', onInvalid, 'restore, fail or report');
  // Rows that a restore leaves, because somebody changed them, are not to be changed a second time after it.
  check(
    onInvalid !== 'restore' || options.where !== undefined || marker !== undefined,
    'onInvalid',
    onInvalid,
    'restore only with a "where" or a "marker", by which migrated rows are known',
  );
  // "undo_" and 58 characters are the 63 that a name has in PostgreSQL.
  check(
    onInvalid !== 'restore' || options.name.length <= 58,
    'name',
    options.name,
    'at most 58 characters where it can be restored',
  );
  return {
    name: options.name,
    table: options.table,
    key,
    where: options.where,
    rebuilds: options.rebuilds ?? [],
    requires: options.requires ?? [],
    marker,
    validate,
    onInvalid,
    within,
    window,
    errorBudget,
    pace,
  };
}

/** What a parser makes of an option; what it refuses is told with the names of the migration and the option. */
function parsed<T>(migration: string, option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new MigrationFailed(`migration "${migration}", ${option}: ${messageOf(error)}`, { cause: error });
  }
}

/** The columns that must exist, for the change and for what is checked after it. */
export function columnsNeeded({ columns, validate }: RowMigration): string[] {
  return [...columns, ...validate.flatMap((validation) => validation.columns)];
}

/** Refuses a name that the ledger, or the names derived from it, cannot take. */
export function checkName(name: string): void {
  // 60 characters leave room for the names that are derived from it.
  const allowed = 'lower case letters, digits and hyphens, at most 60';
  checker(name)(/^[a-z][a-z0-9-]{0,59}$/.test(name), 'name', name, allowed);
}

/** Refuses a fragment that is not SQL, or that the Data API would garble. */
export function checkSql(migration: string, option: string, fragment: Sql): void {
  checker(migration)(isSql(fragment), option, fragment, 'SQL, written as sql`…`');
  const problem = unsendable(fragment);
  if (problem !== undefined) {
    throw new MigrationFailed(`migration "${migration}", ${option}: ${problem}`);
  }
}

/** Throws what was wrong, what was got, and what is allowed. */
export function checker(migration: string) {
  return (holds: boolean, option: string, got: unknown, allowed: string): void => {
    if (holds) {
      return;
    }
    throw new MigrationFailed(
      `migration "${migration}", ${option}: got ${JSON.stringify(got)}, allowed is ${allowed}`,
    );
  };
}
