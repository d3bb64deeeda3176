import * as v from 'valibot';
import { RdsDataError } from '../errors.ts';
import { typeHints } from '../parameters/sql-parameter.ts';
import {
  maxArnLength,
  maxDatabaseNameLength,
  maxSqlLength,
  maxTransactionIdLength,
  minArnLength,
} from '../quotas.ts';

/** A member that may be absent or null, which mean the same. */
export const optional = <Schema extends v.GenericSchema>(schema: Schema) => v.nullish(schema);

const arn = v.pipe(v.string(), v.minLength(minArnLength), v.maxLength(maxArnLength));
export const transactionId = v.pipe(v.string(), v.maxLength(maxTransactionIdLength));

/** The members that every operation has. */
export const target = { resourceArn: arn, secretArn: arn };
export type Target = v.InferOutput<v.ObjectSchema<typeof target, undefined>>;

/** The members of an operation that names a database. */
export const targetDatabase = {
  ...target,
  database: optional(v.pipe(v.string(), v.maxLength(maxDatabaseNameLength))),
  schema: optional(v.string()),
};

/** The members of an operation that runs a statement. */
export const statement = {
  ...targetDatabase,
  sql: v.pipe(v.string(), v.maxLength(maxSqlLength)),
  transactionId: optional(transactionId),
};

/**
 * Reads a request's body. Members that the schema does not name are ignored, as the service does.
 *
 * @throws RdsDataError that says what is wrong, in the words of AWS's own checks.
 */
export function parseRequest<Schema extends v.GenericSchema>(
  schema: Schema,
  body: string,
): v.InferOutput<Schema> {
  const json = parseJson(body);
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (!result.success) {
    throw refusal(result.issues[0]);
  }
  if (namesSchema(result.output)) {
    throw new RdsDataError('ValidationException', "The schema parameter isn't supported");
  }
  return result.output;
}

function namesSchema(request: unknown): boolean {
  return typeof request === 'object' && request !== null && 'schema' in request && request.schema != null;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(keepLongs(body));
  } catch (cause) {
    throw new RdsDataError('SerializationException', 'The request body is not JSON.', { cause });
  }
}

/** Quotes a `longValue` of 16 digits or more: beyond 2^53 it would lose digits as a JavaScript number. */
function keepLongs(body: string): string {
  return body.replace(/("longValue"\s*:\s*)(-?\d{16,})/g, '$1"$2"');
}

function refusal(issue: v.BaseIssue<unknown>): RdsDataError {
  const path = v.getDotPath(issue) ?? 'body';
  const isMissing = issue.input == null;
  if (path.endsWith('.typeHint') && typeof issue.input === 'string') {
    const known = typeHints.join(', ');
    return new RdsDataError(
      'ValidationException',
      `1 validation error detected: Value '${issue.input}' at '${path}' failed to satisfy constraint: ` +
        `Member must satisfy enum value set: [${known}]`,
    );
  }
  if (issue.kind === 'schema' && !isMissing) {
    return new RdsDataError(
      'SerializationException',
      `${path}: expected ${issue.expected}, got ${issue.received}`,
    );
  }
  const comparison = issue.type === 'min_length' ? 'greater' : 'less';
  const constraint = isMissing
    ? 'Member must not be null'
    : `Member must have length ${comparison} than or equal to ${issue.requirement}`;
  return new RdsDataError(
    'ValidationException',
    `1 validation error detected: Value at '${path}' failed to satisfy constraint: ${constraint}`,
  );
}
