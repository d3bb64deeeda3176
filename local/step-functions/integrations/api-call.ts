import { ApiError } from '../api-error.ts';
import { Failure } from '../failure.ts';
import { isObject, type JsonObject } from '../json.ts';

/**
 * Calls an action of the Step Functions API for a Task. An ApiError becomes a failure, whose name begins with the
 * integration and always ends in Exception: `StepFunctions.ExecutionAlreadyExistsException`.
 *
 * @param prefix `StepFunctions` for the optimized integration, `Sfn` for the one through the SDK.
 */
export async function callApi<Answer>(
  prefix: 'StepFunctions' | 'Sfn',
  action: () => Answer,
): Promise<Answer> {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    const name = error.code.endsWith('Exception') ? error.code : `${error.code}Exception`;
    throw new Failure(`${prefix}.${name}`, `${error.message} (Service: Sfn, Status Code: 400)`);
  }
}

/**
 * An argument that must be text.
 *
 * @throws States.Runtime when it is not.
 */
export function requireString(args: JsonObject, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') {
    const reason = `The value for the field '${name}' must be a STRING`;
    throw new Failure(
      'States.Runtime',
      `The Parameters '${JSON.stringify(args)}' could not be used to start the Task: [${reason}]`,
    );
  }
  return value;
}

/** An argument that is text, when it is given. */
export function optionalString(args: JsonObject, name: string): string | undefined {
  return args[name] === undefined ? undefined : requireString(args, name);
}

/**
 * An API's answer as integrations give it: names begin with a capital.
 *
 * @param time What a time becomes: text of ISO 8601 by default, as SDK integrations have it.
 */
export function inSdkCase(
  answer: Readonly<Record<string, unknown>>,
  time: (date: Date) => string | number = (date) => date.toISOString(),
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name.charAt(0).toUpperCase() + name.slice(1),
      value instanceof Date ? time(value) : isObject(value) ? inSdkCase(value, time) : value,
    ]),
  );
}
