import { inspect } from 'node:util';
import { ErrorName } from '../contract.ts';

/** Who is to blame for a failed statement, and so what to do: skip the row, try later, or stop the migration. */
export type Fault = 'row' | 'moment' | 'migration';

/** A statement that the database or the Data API refused. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly fault: Fault;
  readonly sqlState: string | null;
  /** The statement took longer than it may: a moment's fault, unless it takes as long each time. */
  readonly isTimeout: boolean;
  /** Its result has a row, or is as a whole, larger than the Data API hands out. */
  readonly isTooLarge: boolean;
  /** The place in SQL of an author to which it points, as `located` writes it. */
  readonly place: string | undefined;

  constructor(message: string, fault: Fault, sqlState: string | null, cause?: unknown, place?: string) {
    super(message, { cause });
    this.place = place;
    this.fault = fault;
    this.sqlState = sqlState;
    this.isTimeout = sqlState === '57014' || message.startsWith('StatementTimeoutException');
    this.isTooLarge = message.startsWith('UnsupportedResultException');
  }
}

/** What ends a run. Its message says nothing of the contents of rows: it is read in states, events and logs. */
export class Failure extends Error {
  /** The message with keys and values of rows, for those who ask for them; the same where there are none. */
  readonly inFull: string;

  constructor(
    message: string,
    { inFull = message, ...options }: ErrorOptions & { readonly inFull?: string } = {},
  ) {
    super(message, options);
    this.inFull = inFull;
  }
}

/** The migration cannot go on, or is wrong as it stands. The message says which, where, and what to do. */
export class MigrationFailed extends Failure {
  override readonly name = ErrorName.MigrationFailed;
}

/** More rows failed than the migration allows. */
export class ErrorBudgetSpent extends Failure {
  override readonly name = ErrorName.ErrorBudgetSpent;
}

/** The migrated data does not meet the migration's validations. */
export class ValidationFailed extends Failure {
  override readonly name = ErrorName.ValidationFailed;
}

/** The database did not serve us although we waited. Step Functions tries again later, then fails the run. */
export class DatabaseUnavailable extends Failure {
  override readonly name = ErrorName.DatabaseUnavailable;
}

/** Another run holds the ledger. */
export class AlreadyRunning extends Error {
  override readonly name = ErrorName.AlreadyRunning;
}

/** This invocation belongs to an execution that no longer holds the ledger. */
export class Superseded extends Error {
  override readonly name = ErrorName.Superseded;
}

/** The release that was deployed since does not register the migration any more, which is left as it is. */
export class NoLongerRegistered extends Error {
  override readonly name = ErrorName.NoLongerRegistered;
}

/** The input of an execution is wrong. */
export class InvalidInput extends Error {
  override readonly name = ErrorName.InvalidInput;
}

// SQLSTATEs whose messages name tables, columns, roles and limits. Of the others a trigger's ASSERT, PostGIS (XX000), or a cast of a
// value to tsquery (42601) or regclass (42P01) quote the value.
const quotesNoRow =
  /^(08|0A|21|25|27|28|2B|3D|3F|40|42(501|611|701|710|804|809|8C9|P07|P10|P16|P17)|53|54|55|57|58)/;

/** How the Data API ends a message that points into the statement, which no message about a row does. */
export const atPosition = /; Position: (\d+)(; SQLState: \w{5})\s*$/;

/**
 * What a refused statement says where it is not known who reads it: nothing that may quote a value of a row. Of a row it says at
 * most to which place in the SQL of the author the database points.
 */
export function publicMessage({ message, fault, sqlState, place }: DatabaseError): string {
  if (fault === 'row') {
    return place === undefined
      ? `the database refused a row (SQLSTATE ${sqlState ?? 'none'})`
      : `the database refused a value${place}SQLState: ${sqlState}`;
  }
  const isOfStatement = place !== undefined || atPosition.test(message);
  return sqlState === null || isOfStatement || quotesNoRow.test(sqlState)
    ? message
    : `the database refused the statement (SQLSTATE ${sqlState}) in words that may quote a row: they are in the database's own log`;
}

/** What to do about a ledger that somebody has dropped or altered in part. */
export const mendLedger =
  'The ledger is not whole: somebody has altered it. Restore its schema from a backup; or drop the schema, so that ' +
  'the next run makes it anew and asks each migration again whether it is pending: one that has neither "where" nor "marker" would ' +
  'then change its rows again';

/** What an unknown thrown thing says. */
export function messageOf(error: unknown): string {
  const said = error instanceof Error ? error.message : error;
  try {
    const text = String(said);
    return typeof said === 'object' && text.includes('[object ') ? inOneLine(said) : text;
  } catch {
    return 'what was thrown cannot be shown: its own toString throws';
  }
}

// As long as most messages: enough for a code and a few words.
const longestShown = 200;

/** What is in an object that has no words of its own. */
function inOneLine(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, customInspect: false });
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > longestShown ? `${line.slice(0, longestShown)}…` : line;
}

/** The same, with the keys and values of rows: for the terminal of whoever asked the database. */
export function inFull(error: unknown): string {
  return error instanceof Failure ? error.inFull : messageOf(error);
}

/** A value as an error message shows it: as JSON where that says what it is, otherwise as Node prints it. */
export function shown(value: unknown): string {
  const isPlain =
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
  try {
    if (value === null || isPlain || /^(string|boolean)$/.test(typeof value)) {
      return JSON.stringify(value);
    }
  } catch {
    // A circle, or a bigint inside.
  }
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
}

/**
 * What an error of the RDS Data client means.
 *
 * A DatabaseErrorException ends with `; SQLState: 23514`, sometimes after `Position: 17` (counted in characters of the
 * SQL); read from the right, because the message before it may contain anything.
 */
export function databaseError(error: unknown): DatabaseError {
  const name = nameOf(error);
  const message = messageOf(error);
  if (name === 'DatabaseErrorException') {
    const sqlState = /; SQLState: ([0-9A-Z]{5})\s*$/.exec(message)?.[1] ?? null;
    return new DatabaseError(message, faultOfSqlState(sqlState), sqlState, error);
  }
  return new DatabaseError(`${name}: ${message}`, faultOfException(name, message), null, error);
}

// 22 data exceptions, 23 integrity constraints; 44000 a view's CHECK OPTION, P0001 a trigger's RAISE and 54000 a value too
// large for its index blame the row just as well. If all rows fail that way, the error budget ends it.
const ofTheRow = /^(22|23|44000|P0001|54000)/;
// The classes of PostgreSQL's appendix. A code of any other class is one that the application gave to a RAISE of its own, which
// blames the row as P0001 does.
const classesOfPostgres = new Set(
  (
    '00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 ' +
    '53 54 55 57 58 72 F0 HV P0 XX'
  ).split(' '),
);
// 40 serialization and deadlock, 53 out of resources, 55P03 lock not available, 57014 cancelled, 57P0x shutting down,
// 08 connection; 25P02 and 25P03 are the wake of one of these inside a transaction. 28 is a login refused: for a moment that
// happens each time that the managed secret rotates.
const ofTheMoment = /^(40|53|55P03|57014|57P0|08|25P0[23]|28000|28P01)/;

function faultOfSqlState(sqlState: string | null): Fault {
  // The Data API is reported to say "Database returned SQL Exception" now and then, without a SQLSTATE, even of SELECT 1.
  if (sqlState === null) {
    return 'moment';
  }
  if (ofTheRow.test(sqlState) || !classesOfPostgres.has(sqlState.slice(0, 2))) {
    return 'row';
  }
  return ofTheMoment.test(sqlState) ? 'moment' : 'migration';
}

// By name, since the SDK's model does not have all of them (ValidationException, for one).
const momentary = new Set([
  'DatabaseResumingException',
  'DatabaseUnavailableException',
  'InternalFailure',
  'InternalServerErrorException',
  'InvalidResourceStateException',
  'SecretsErrorException',
  'ServiceUnavailableError',
  'StatementTimeoutException',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionNotFoundException',
  'TimeoutError',
  'AbortError',
]);
const lostConnection = /ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|socket hang up/;

function faultOfException(name: string, message: string): Fault {
  // A page over the limit of its result, or a row over 64 KB: fewer rows, and at last one alone, find out which.
  if (name === 'UnsupportedResultException') {
    return 'row';
  }
  return momentary.has(name) || lostConnection.test(`${name} ${message}`) ? 'moment' : 'migration';
}

/** The error's own name; a lost connection often has only a code. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'Error';
  }
  const code = (error as { code?: unknown }).code;
  return error.name === 'Error' && typeof code === 'string' ? code : error.name;
}
