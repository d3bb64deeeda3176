import pg from 'pg';
import { refusedStatus } from '../http/caller.ts';

/**
 * The HTTP status of every error that the endpoint answers with. The names are those of the service's model, and
 * those that AWS adds before a call reaches the service (`ValidationException`, `SerializationException`, …).
 */
const statuses = {
  AccessDeniedException: refusedStatus,
  BadRequestException: 400,
  DatabaseErrorException: 400,
  DatabaseResumingException: 400,
  DatabaseUnavailableException: 504,
  HttpEndpointNotEnabledException: 400,
  InternalFailure: 500,
  InternalServerErrorException: 500,
  MissingAuthenticationTokenException: refusedStatus,
  RequestEntityTooLargeException: 413,
  SecretsErrorException: 400,
  SerializationException: 400,
  StatementTimeoutException: 400,
  ThrottlingException: 400,
  TransactionNotFoundException: 404,
  UnknownOperationException: 404,
  UnrecognizedClientException: refusedStatus,
  UnsupportedResultException: 400,
  ValidationException: 400,
} as const;

/** The error's name, which the SDKs give to the exception that they throw. */
export type ErrorCode = keyof typeof statuses;

/** An error that the caller gets as the answer. */
export class RdsDataError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message = '', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The HTTP status. */
  get status(): number {
    return statuses[this.code];
  }
}

/**
 * An error of the database, as the Data API words it: `ERROR: …; Position: 8; SQLState: 42P01`.
 *
 * @param locate Turns PostgreSQL's position, in characters from 1, into the position in the caller's SQL.
 */
export function fromDatabase(error: unknown, locate = (position: number) => position): RdsDataError {
  if (error instanceof RdsDataError) {
    return error;
  }
  if (!(error instanceof pg.DatabaseError)) {
    // PostgreSQL did not answer: the connection was refused, reset or closed.
    return new RdsDataError('DatabaseUnavailableException', '', { cause: error });
  }
  if (error.code === '42601' && error.message.includes('multiple commands')) {
    return new RdsDataError('ValidationException', "Multistatements aren't supported.", { cause: error });
  }
  const isStartingOrStopping = error.code === '57P03';
  if (isStartingOrStopping) {
    return new RdsDataError('DatabaseUnavailableException', '', { cause: error });
  }
  const parts = [`${error.severity}: ${error.message}`];
  if (error.hint) {
    parts.push(`Hint: ${error.hint}`);
  }
  if (error.position) {
    parts.push(`Position: ${locate(Number(error.position))}`);
  }
  parts.push(`SQLState: ${error.code}`);
  return new RdsDataError('DatabaseErrorException', parts.join('; '), { cause: error });
}

/** Whether an error means that the connection is gone, and with it the transaction. */
export function isDisconnection(error: unknown): boolean {
  if (error instanceof RdsDataError && error.code === 'DatabaseUnavailableException') {
    return true;
  }
  const cause = error instanceof RdsDataError ? error.cause : error;
  // ERROR ends a statement. FATAL and PANIC end the connection.
  return cause instanceof pg.DatabaseError && cause.severity !== 'ERROR';
}
