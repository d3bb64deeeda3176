// What authors of migrations import: `serverless-data-migrations`.

export type {
  Background,
  Counters,
  LeftUnfinished,
  Paused,
  Result,
  ResultMap,
  RunInput,
  ValidationResult,
} from './contract.ts';
export { ErrorName } from './contract.ts';
export {
  type AlterOptions,
  alterTables,
  partitionsMissingColumn,
  tablesMissingColumn,
} from './engine/alter/alter-tables.ts';
export { type BackfillOptions, backfill } from './engine/batch/backfill.ts';
export { type RewriteOptions, rewrite } from './engine/batch/rewrite.ts';
export { type Codec, type CodecOptions, codec, type Earlier } from './engine/codec.ts';
export { identifier, type Sql, type SqlValue, sql, tableName } from './engine/database/sql.ts';
export { fillIn } from './engine/define/fill-in.ts';
export type { Migration, OnInvalid, Options, PaceOptions, RowOptions } from './engine/define/migration.ts';
export {
  condition,
  emailFormat,
  foreignKey,
  noNulls,
  oneOf,
  type TableValidation,
  unique,
  type Validation,
} from './engine/define/validations.ts';
