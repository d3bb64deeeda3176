import { boolean, number } from 'valibot';
import type { Database, Statements } from '../database/data-api.ts';
import { type Sql, sql, unsafeSql } from '../database/sql.ts';
import { limited } from '../database/transaction-limits.ts';
import { DatabaseError, MigrationFailed, mendLedger, messageOf } from '../errors.ts';
import { ledger, schema } from './names.ts';
import { currentVersion, type Version, versions } from './versions.ts';

/** The whole definition as a script. */
export function ledgerScript(): string {
  return versions()
    .flatMap(applied)
    .map((statement) => `${statement};`)
    .join('\n\n');
}

/** The statements of a version, and the one that records it, for which a version without a word is a breaking one. */
function applied({ statements, kind }: Version, i: number): readonly string[] {
  const record =
    kind === 'breaking' ? `(version) VALUES (${i + 1})` : `(version, compatible) VALUES (${i + 1}, true)`;
  return [...statements, `INSERT INTO ${schema}.version ${record}`];
}

/** Of the ledger that there is. */
export interface LedgerVersion {
  /** 0 for none. */
  readonly version: number;
  /** The version that code has to know to work with it: the last breaking one. */
  readonly needs: number;
}

/** How a ledger stands to this code. `usable`: it has all that this code knows, and what it has beside that may be left alone. */
export type Fit = 'none' | 'older' | 'usable' | 'too new';

export function fitOf({ version, needs }: LedgerVersion): Fit {
  if (version === 0) {
    return 'none';
  }
  if (needs > currentVersion) {
    return 'too new';
  }
  return version < currentVersion ? 'older' : 'usable';
}

/** Whether code that knows only this version goes on working when the ledger is brought up to date. */
export function isUpgradeCompatible(from: number): boolean {
  return versions()
    .slice(from)
    .every(({ kind }) => kind === 'compatible');
}

/**
 * Creates the ledger or brings it up to date. Nothing is executed if it is up to date already, or newer and compatible with this code: so a
 * database user without the right to create tables will do once somebody has applied ledger.sql. Throws MigrationFailed for a ledger that
 * needs newer code, or that cannot be created.
 */
export async function upgradeLedger(database: Database): Promise<void> {
  const before = await ledgerVersion(database);
  refuseTooNew(before);
  if (fitOf(before) === 'usable') {
    return;
  }
  try {
    await database.transaction(async (tx) => {
      await tx.execute(limited());
      // Any fixed number does, as long as nobody else uses it: the bytes of "data_mig". Held until the commit.
      await tx.execute(sql`SELECT 1 AS locked FROM pg_advisory_xact_lock(${'7233190438095382887'}::bigint)`);
      // Another invocation may have done it meanwhile, even one of a newer release.
      const now = await ledgerVersion(tx);
      refuseTooNew(now);
      for (const statement of versions().map(applied).slice(now.version).flat()) {
        await tx.execute(unsafeSql(statement));
      }
    });
  } catch (error) {
    const isKnown = error instanceof MigrationFailed;
    if (isKnown || (error instanceof DatabaseError && error.fault === 'moment')) {
      throw error;
    }
    const isHalfThere =
      error instanceof DatabaseError && ['42P01', '42P07', '42701', '42703'].includes(error.sqlState ?? '');
    const advice = isHalfThere
      ? mendLedger
      : 'The database user needs CREATE on the database, or somebody who has it applies functions/engine/ledger/ledger.sql';
    throw new MigrationFailed(`the ledger could not be created or upgraded: ${messageOf(error)}. ${advice}`, {
      cause: error,
    });
  }
}

/** Two columns for a query of the ledger's table `version v`, of any version. */
export const versionColumns = (): Sql => sql`
  COALESCE(max(v.version), 0) AS version,
  COALESCE(max(v.version) FILTER (WHERE to_jsonb(v) ->> 'compatible' IS DISTINCT FROM 'true'), 0) AS needs`;

/** The row that these columns make. */
export const versionRow = { version: number(), needs: number() } as const;

/** The version of the ledger that there is. */
export async function ledgerVersion(database: Pick<Statements, 'query'>): Promise<LedgerVersion> {
  // From the catalog itself: to_regclass may remember, within a transaction, that there was no such schema when it began.
  const [exists] = await database.query(
    sql`
    SELECT EXISTS (
      SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${schema} AND c.relname = 'version') AS there`,
    { there: boolean() },
  );
  if (!exists?.there) {
    return none;
  }
  const [row] = await database.query(sql`SELECT ${versionColumns()} FROM ${ledger.version} v`, versionRow);
  return row ?? none;
}

const none: LedgerVersion = { version: 0, needs: 0 };

/** Whether a newer release has upgraded the ledger so that its tables may not be what this code knows. */
export async function isTooNew(database: Statements): Promise<boolean> {
  try {
    const [row] = await database.query(sql`SELECT ${versionColumns()} FROM ${ledger.version} v`, versionRow);
    return fitOf(row ?? none) === 'too new';
  } catch (error) {
    if (error instanceof DatabaseError && error.sqlState === '42P01') {
      throw new MigrationFailed(`the ledger is gone: ${messageOf(error)}. ${mendLedger}`, { cause: error });
    }
    throw error;
  }
}

/** Throws MigrationFailed for a ledger that needs code which knows more than this. */
export function refuseTooNew(found: LedgerVersion): void {
  if (fitOf(found) === 'too new') {
    const { version, needs } = found;
    const wants = needs === version ? '' : `, and needs code that knows version ${needs} at least`;
    throw new MigrationFailed(
      `the ledger (schema ${schema}) has version ${version}${wants}; this code knows ${currentVersion}: ` +
        'it is of an older release than the one that upgraded the ledger. Deploy the newer one again, and use its commands',
    );
  }
}
