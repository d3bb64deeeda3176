/** An error of the Step Functions API. */
export class ApiError extends Error {
  /** The name that AWS gives it, such as `ExecutionDoesNotExist`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
