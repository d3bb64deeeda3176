/** What became of one invocation, as Lambda reports it. */
export type Outcome =
  | { readonly status: 'succeeded'; readonly payload: unknown }
  | { readonly status: 'failed'; readonly errorType: string; readonly error: FunctionError };

/** The JSON that Step Functions shows as `Cause`. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** An error as Lambda's own runtime words it. */
export function failed(errorType: string, errorMessage: string, trace?: readonly string[]): Outcome {
  const error = { errorType, errorMessage, ...(trace && { trace }) };
  return { status: 'failed', errorType, error };
}

/** The function ran into its own timeout and was killed. */
export function timedOut(requestId: string, seconds: number): Outcome {
  return failed(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  );
}

/** The process of the function ended before it answered: an exit, a crash, memory. */
export function exited(requestId: string, reason: string): Outcome {
  return failed('Runtime.ExitError', `RequestId: ${requestId} Error: Runtime exited with error: ${reason}`);
}

/** Request and answer of a synchronous invocation: 6 MB and a little room, as Lambda counts. */
export const payloadLimit = 6_291_556;

/** The answer is larger than Lambda lets through. */
export function answerTooLarge(): Outcome {
  return failed(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${payloadLimit} bytes).`,
  );
}
