import * as v from 'valibot';
import { RdsDataError } from './errors.ts';

/** JSON's null means the same as an absent member. */
const optional = <Schema extends v.GenericSchema>(schema: Schema) => v.nullish(schema);
const arn = v.pipe(v.string(), v.minLength(11), v.maxLength(100));

const number = v.union([v.number(), v.string()]);
const parameter = v.object({
  name: v.string(),
  typeHint: optional(v.picklist(['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL'])),
  value: optional(
    v.object({
      arrayValue: optional(v.unknown()),
      blobValue: optional(v.string()),
      booleanValue: optional(v.boolean()),
      doubleValue: optional(number),
      isNull: optional(v.boolean()),
      longValue: optional(number),
      stringValue: optional(v.string()),
    }),
  ),
});
export type SqlParameter = v.InferOutput<typeof parameter>;

const target = { resourceArn: arn, secretArn: arn };
const place = {
  ...target,
  database: optional(v.pipe(v.string(), v.maxLength(64))),
  schema: optional(v.string()),
};
const statement = {
  ...place,
  sql: v.pipe(v.string(), v.maxLength(65_536)),
  transactionId: optional(v.pipe(v.string(), v.maxLength(192))),
};

/** The bodies of the five operations. Members that the service does not know are ignored, as it does. */
export const requests = {
  Execute: v.object({
    ...statement,
    parameters: optional(v.array(parameter)),
    includeResultMetadata: optional(v.boolean()),
    continueAfterTimeout: optional(v.boolean()),
    formatRecordsAs: optional(v.picklist(['NONE', 'JSON'])),
    resultSetOptions: optional(
      v.object({
        decimalReturnType: optional(v.picklist(['STRING', 'DOUBLE_OR_LONG'])),
        longReturnType: optional(v.picklist(['STRING', 'LONG'])),
      }),
    ),
  }),
  BatchExecute: v.object({ ...statement, parameterSets: optional(v.array(v.array(parameter))) }),
  BeginTransaction: v.object(place),
  CommitTransaction: v.object({ ...target, transactionId: v.pipe(v.string(), v.maxLength(192)) }),
  RollbackTransaction: v.object({ ...target, transactionId: v.pipe(v.string(), v.maxLength(192)) }),
} as const;

export type Operation = keyof typeof requests;
export type Request<Name extends Operation> = v.InferOutput<(typeof requests)[Name]>;
export type ResultSetOptions = Request<'Execute'>['resultSetOptions'];

/** Reads a body, or answers what is wrong with it. */
export function parseRequest<Name extends Operation>(operation: Name, body: string): Request<Name> {
  const result = v.safeParse(requests[operation], parseJson(body), { abortEarly: true });
  if (!result.success) {
    throw refusal(result.issues[0]);
  }
  const request = result.output as Request<Name>;
  if ('schema' in request && request.schema != null) {
    throw new RdsDataError('ValidationException', "The schema parameter isn't supported");
  }
  return request;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(keepLongs(body));
  } catch (cause) {
    throw new RdsDataError('SerializationException', 'The request body is not JSON.', { cause });
  }
}

/** A long beyond 2^53 (16 digits or more) would lose digits as a number, so it is read as a string. */
function keepLongs(body: string): string {
  return body.replace(/("longValue"\s*:\s*)(-?\d{16,})/g, '$1"$2"');
}

function refusal(issue: v.BaseIssue<unknown>): RdsDataError {
  const path = v.getDotPath(issue) ?? 'body';
  const missing = issue.input == null;
  if (issue.kind === 'schema' && !missing) {
    return new RdsDataError(
      'SerializationException',
      `${path}: expected ${issue.expected}, got ${issue.received}`,
    );
  }
  const length = issue.requirement;
  const constraint = missing
    ? 'Member must not be null'
    : `Member must have length ${issue.type === 'min_length' ? 'greater' : 'less'} than or equal to ${length}`;
  const text = `1 validation error detected: Value at '${path}' failed to satisfy constraint: ${constraint}`;
  return new RdsDataError('ValidationException', text);
}
