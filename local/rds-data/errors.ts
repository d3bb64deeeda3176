import pg from 'pg';

/** Every error the endpoint answers with, and its HTTP status: the service's model, and what the gateway before it adds. */
const statuses = {
  BadRequestException: 400,
  DatabaseErrorException: 400,
  DatabaseResumingException: 400,
  DatabaseUnavailableException: 504,
  HttpEndpointNotEnabledException: 400,
  InternalFailure: 500,
  InternalServerErrorException: 500,
  RequestEntityTooLargeException: 413,
  SecretsErrorException: 400,
  SerializationException: 400,
  StatementTimeoutException: 400,
  TransactionNotFoundException: 404,
  UnknownOperationException: 404,
  UnsupportedResultException: 400,
  ValidationException: 400,
} as const;

export type ErrorCode = keyof typeof statuses;

/** What a caller gets instead of an answer. */
export class RdsDataError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message = '', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** PostgreSQL's error as the Data API words it; `locate` leads its position back into the caller's SQL. */
export function fromDatabase(error: unknown, locate = (position: number) => position): RdsDataError {
  if (error instanceof RdsDataError) {
    return error;
  }
  if (!(error instanceof pg.DatabaseError)) {
    // No answer, or none any more: refused, reset, ended.
    return new RdsDataError('DatabaseUnavailableException', '', { cause: error });
  }
  if (error.code === '42601' && error.message.includes('multiple commands')) {
    return new RdsDataError('ValidationException', "Multistatements aren't supported.", { cause: error });
  }
  if (error.code === '57P03') {
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
