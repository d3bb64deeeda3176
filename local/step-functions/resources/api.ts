import { ApiError } from '../api-error.ts';
import { Failure } from '../failure.ts';
import { isObject, type Json } from '../json.ts';

/** Runs an API action for a Task: its errors are named after the integration, and always end in Exception. */
export async function asFailure(prefix: 'StepFunctions' | 'Sfn', action: () => Json): Promise<Json> {
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

/** A field that the API takes as text only. */
export function requireString(args: Readonly<Record<string, Json>>, name: string): string {
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

/** An API's answer as the SDK integrations give it: names with a capital, times in ISO 8601. */
export function inSdkCase(value: unknown): Json {
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        name.charAt(0).toUpperCase() + name.slice(1),
        inSdkCase(each),
      ]),
    );
  }
  return value as Json;
}
