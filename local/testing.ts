// What tests of migrations import: `serverless-data-migrations/testing`.

export type { RowError } from '../functions/engine/ledger/row-errors.ts';
export type { Verified, VerifyOptions } from '../functions/engine/trial/verify.ts';
export type { LocalApplication } from './application.ts';
export { RunFailed } from './testing/run.ts';
export {
  type Outcome,
  startTestSystem,
  type TestSystem,
  type TestSystemOptions,
} from './testing/test-system.ts';
