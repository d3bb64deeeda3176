import {
  array,
  boolean,
  check,
  integer,
  maxValue,
  minValue,
  nonEmpty,
  number,
  object,
  optional,
  picklist,
  pipe,
  string,
  transform,
  union,
} from 'valibot';
import { mostLanes } from '../../contract.ts';
import { checkWindow } from '../time/maintenance-window.ts';
import {
  allowed,
  checkDuration,
  checker,
  checkOptions,
  checkParsed,
  checkSql,
  everyMigration,
} from './checks.ts';
import type { RowOptions } from './migration.ts';
import type { RowMigration } from './registered.ts';
import { isTableValidation } from './validations.ts';

const wholeNumber = (least: number) =>
  allowed(pipe(number(), integer(), minValue(least)), `a whole number from ${least}`);

const columns = pipe(
  union([string(), array(string())]),
  transform((some): readonly string[] => (typeof some === 'string' ? [some] : some)),
  check((some) => some.length > 0 && new Set(some).size === some.length),
);

/** Whether `tableName` can make a name of it that PostgreSQL takes as it is: what is longer, PostgreSQL cuts off. */
function isTableName(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length <= 2 &&
    parts.every(
      (part) => part.trim() !== '' && !/\p{Cc}|^".*"$/u.test(part) && Buffer.byteLength(part, 'utf8') <= 63,
    )
  );
}

/** For how long a batch may lock its rows, in seconds, unless its author or an operator says otherwise. */
export const defaultTargetSeconds = 0.1;

/** What each option may be by itself. */
const rowOptions = object({
  ...everyMigration,
  table: allowed(
    pipe(string(), check(isTableName)),
    'a table, or schema.table, each a name of 1 to 63 bytes without control characters, as the catalog has it: not in quotes',
  ),
  key: allowed(columns, 'one column or several different ones'),
  marker: optional(allowed(pipe(string(), nonEmpty()), 'the name of a column')),
  immutableKey: optional(allowed(boolean(), 'true or false'), false),
  onInvalid: optional(allowed(picklist(['restore', 'fail', 'report']), 'restore, fail or report'), 'fail'),
  errorBudget: optional(wholeNumber(0), 100),
  pace: optional(
    object({
      // 20 s leaves a batch that takes twice its target below the 45 s at which the Data API gives up.
      targetSeconds: optional(
        allowed(
          pipe(
            number(),
            check((seconds) => seconds > 0),
            maxValue(20),
          ),
          'more than 0, at most 20',
        ),
        defaultTargetSeconds,
      ),
      restSeconds: optional(allowed(pipe(number(), minValue(0), maxValue(86_400)), '0 to 86400')),
      maxRows: optional(wholeNumber(1), 100_000),
    }),
    {},
  ),
  lanes: optional(
    allowed(
      pipe(number(), integer(), minValue(1), maxValue(mostLanes)),
      `a whole number from 1 to ${mostLanes}`,
    ),
  ),
});

/**
 * The parts that `backfill` and `rewrite` share, checked. Throws MigrationFailed, when the module is loaded: a wrong
 * migration fails tests and deploys, not a run.
 */
export function rowMigration(
  options: RowOptions,
): Omit<RowMigration, 'kind' | 'columns' | 'batch' | 'badRows'> {
  const { pace, marker, immutableKey, ...checked } = checkOptions(options.name, rowOptions, options);
  const { key, onInvalid } = checked;
  const { within, window, pressureTimeout = 'PT1H' } = options;
  const where = options.where && checkSql(options.name, 'where', options.where);
  const validate = (options.validate ?? []).filter(isTableValidation);
  const must = checker(options.name);
  if (within !== undefined) {
    checkDuration(options.name, 'within', within);
  }
  checkDuration(options.name, 'pressureTimeout', pressureTimeout);
  if (window !== undefined) {
    checkParsed(options.name, 'window', () => checkWindow(window));
  }
  must(
    within === undefined || pace.restSeconds === undefined,
    'pace.restSeconds',
    pace.restSeconds,
    'none beside "within", which works it out',
  );
  // Promise 2: without one of these, nothing tells a row that has been changed from one that has not.
  must(
    where !== undefined || marker !== undefined || immutableKey,
    'where',
    where,
    'a condition that a migrated row no longer matches. Or a "marker", by which the rows are known that are done; or immutableKey: true, if ' +
      'nobody ever changes the key of a row of this table: one that gets a key ahead of the cursor would be changed twice',
  );
  must(!key.includes(marker ?? ''), 'marker', marker, 'a column of its own, outside the key');
  must(
    validate.length === (options.validate ?? []).length,
    'validate',
    options.validate,
    'what noNulls, emailFormat, unique, foreignKey, oneOf or condition make',
  );
  const names = validate.map((validation) => validation.name);
  must(new Set(names).size === names.length, 'validate', names, 'validations with different names');
  // Rows that a restore leaves, because somebody changed them, are not to be changed a second time after it.
  must(
    onInvalid !== 'restore' || where !== undefined || marker !== undefined,
    'onInvalid',
    onInvalid,
    'restore only with a "where" or a "marker", by which migrated rows are known',
  );
  // "undo_" and 58 characters are the 63 that a name has in PostgreSQL.
  must(
    onInvalid !== 'restore' || options.name.length <= 58,
    'name',
    options.name,
    'at most 58 characters where it can be restored',
  );
  return {
    ...checked,
    lanes: checked.lanes,
    where,
    marker,
    validate,
    within,
    window,
    pressureTimeout,
    background: checked.background || within !== undefined || window !== undefined,
    pace: { ...pace, restSeconds: pace.restSeconds },
  };
}

/** The columns that must exist, for the change and for what is checked after it. */
export function columnsNeeded({ columns, validate }: RowMigration): string[] {
  return [...columns, ...validate.flatMap((validation) => validation.columns)];
}
