import { checkDuration, checker } from '../define/checks.ts';
import type { Migration, RowOptions } from '../define/migration.ts';
import type { RowMigration } from '../define/registered.ts';
import { rowMigration } from '../define/row-options.ts';
import type { Change } from './rewrite-change.ts';
import { badRowsOf, rewritePage, transformPage } from './rewrite-page.ts';
import type { RowOf } from './row-values.ts';
import { checkArithmetic } from './text-as-number.ts';

/** What a rewrite says of itself. `R` is the row as `transform` sees it. */
export interface RewriteOptions<R extends RowOf = RowOf> extends RowOptions {
  /** The columns that the change reads or writes, apart from the key, which is always there to read. */
  readonly columns: readonly NoInfer<keyof R & string>[];
  /**
   * The new values of the columns that change; nothing (`undefined`) leaves the row as it is. A throw makes it a row
   * error. It must be a function of the row alone: a row that the application changes meanwhile is read and transformed
   * again.
   *
   * Values: json and jsonb as parsed; bytea as Uint8Array; boolean, and smallint, integer, real and double as number;
   * everything else as PostgreSQL's text, so that nothing is lost (bigint and numeric too). NULL is null, and so is the JSON
   * value null: returned as it came, it stays which of the two it was; a null that is new is NULL. A new value that JSON cannot
   * say exactly (NaN inside a document, a Map, a function) makes it a row error.
   */
  readonly transform: (row: R) => Changes<R> | Promise<Changes<R>>;
  /**
   * How long `transform` may take for one row, ISO 8601 or in words, at most a minute. Default `PT10S`. A row for which it takes longer is
   * a row error, whether it waits for something or loops. A loop after an `await` cannot be broken off, and ends the Lambda: the next invocation
   * takes the rows of that page one by one, and the one after that records the row.
   */
  readonly transformTimeout?: string | undefined;
}

const longestTransform = 60;

type Changes<R> = Partial<NoInfer<R>> | undefined;

/** A row as it may be declared: bigint, timestamps and the like come as text. */
export type AsRead<R> = {
  readonly [K in keyof R]: Extract<R[K], bigint | Date> extends never ? R[K] : 'comes as text: say string';
};

/**
 * A migration whose change is TypeScript, one row at a time. Rows are read, transformed and written back only where
 * nobody has changed them since.
 *
 * @example
 * export const ordersTotalCents = rewrite<{ id: number; total: string; cents: number | null }>({
 *   name: 'orders-total-cents',
 *   table: 'orders',
 *   key: 'id',
 *   columns: ['total', 'cents'],
 *   where: sql`cents IS NULL`,
 *   transform: ({ total }) => ({ cents: Math.round(Number(total) * 100) }),
 * });
 *
 * @throws MigrationFailed for options that cannot work: what was wrong, what was got, what is allowed.
 */
export function rewrite<R extends RowOf & AsRead<R> = RowOf>(options: RewriteOptions<R>): Migration {
  const base = rowMigration(options);
  const check = checker(options.name);
  check(Array.isArray(options.columns), 'columns', options.columns, 'a list of columns');
  check(options.columns.length > 0, 'columns', options.columns, 'at least one column');
  check(
    new Set(options.columns).size === options.columns.length,
    'columns',
    options.columns,
    'each column once',
  );
  check(
    !options.columns.some((column) => base.key.includes(column)),
    'columns',
    options.columns,
    'columns outside the key: it is always there to read, and the cursor needs it unchanged',
  );
  check(
    ![...base.key, ...options.columns].includes('__proto__'),
    'columns',
    options.columns,
    'no column called __proto__, which an object in JavaScript cannot have like any other; a backfill can',
  );
  check(
    !options.columns.includes(base.marker as string),
    'marker',
    base.marker,
    'a column that "columns" does not name',
  );
  check(typeof options.transform === 'function', 'transform', options.transform, 'a function');
  const { transformTimeout = 'PT10S' } = options;
  const transformSeconds = checkDuration(options.name, 'transformTimeout', transformTimeout);
  check(
    transformSeconds <= longestTransform,
    'transformTimeout',
    transformTimeout,
    `at most ${longestTransform} seconds, a part of what a Lambda has`,
  );
  const change: Change = {
    name: base.name,
    where: base.where,
    journal: base.onInvalid === 'restore',
    columns: options.columns,
    transform: options.transform as Change['transform'],
    transformSeconds,
    returnsPromises: options.transform.constructor.name === 'AsyncFunction',
  };
  const migration: RowMigration = {
    ...base,
    kind: 'rewrite',
    columns: options.columns,
    transformSeconds,
    batch: (input, page) => rewritePage(change, input, page),
    badRows: (input, page, most) => badRowsOf(change, input, page, most),
    transformOnly: (input, page) => transformPage(change, input, page),
    checkArithmetic: (trial) => checkArithmetic(change, trial),
  };
  return migration;
}
