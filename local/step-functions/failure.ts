/** What a state fails with: the two strings that Retry, Catch and the console see. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly error: string;
  /** Absent for timeouts. */
  readonly reason: string | undefined;
  /** The field whose expression failed. */
  readonly location: string | undefined;
  /** Raised by Step Functions itself, not by a task's resource or a Fail state: its reason gets to say in which state. */
  readonly ours: boolean;

  constructor(
    error: string,
    reason?: string,
    more: { readonly location?: string; readonly ours?: boolean } = {},
  ) {
    super(reason === undefined ? error : `${error}: ${reason}`);
    this.error = error.slice(0, 256);
    this.reason = reason?.slice(0, 32_768); // as long as a history event can hold
    this.location = more.location;
    this.ours = more.ours ?? false;
  }
}

/** An expression that cannot be evaluated, or gives what its field cannot use. */
export function queryEvaluationError(location: string, reason: string): Failure {
  return new Failure('States.QueryEvaluationError', reason, { location, ours: true });
}

/** Input, output, result or variables beyond 256 KiB. */
export function dataLimitExceeded(of: string): Failure {
  return new Failure(
    'States.DataLimitExceeded',
    `The state/task '${of}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}
