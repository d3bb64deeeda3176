import { maxCauseLength, maxErrorLength } from './quotas.ts';

export interface FailureOptions {
  /** The field whose expression failed: `Seconds`, `Choices[0]/Condition`. */
  readonly location?: string;
  /** Whether Step Functions itself raises it, and not a task's resource or a Fail state. */
  readonly raisedByService?: boolean;
}

/** What a state fails with: the `Error` and `Cause` that retriers, catchers and the console see. */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** The error's name, such as `States.Timeout`. */
  readonly error: string;
  /** A timeout has none. */
  override readonly cause: string | undefined;
  readonly location: string | undefined;
  readonly raisedByService: boolean;

  constructor(error: string, cause?: string, { location, raisedByService = false }: FailureOptions = {}) {
    super(cause === undefined ? error : `${error}: ${cause}`);
    this.error = error.slice(0, maxErrorLength);
    this.cause = cause?.slice(0, maxCauseLength);
    this.location = location;
    this.raisedByService = raisedByService;
  }
}

/**
 * An expression that cannot be evaluated, or gives what its field cannot use.
 *
 * @param location The field: `Seconds`, `Choices[0]/Condition`.
 */
export function queryEvaluationError(location: string, cause: string): Failure {
  return new Failure('States.QueryEvaluationError', cause, { location, raisedByService: true });
}

/** A definition or its data cannot be run; no retrier and no catcher matches that. */
export function runtimeError(cause: string): Failure {
  return new Failure('States.Runtime', cause, { raisedByService: true });
}

/**
 * Input, output, result or variables are too large.
 *
 * @param owner The state or the resource that gave the data.
 */
export function dataLimitExceeded(owner: string): Failure {
  return new Failure(
    'States.DataLimitExceeded',
    `The state/task '${owner}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}
