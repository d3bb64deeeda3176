import { maxPayloadBytes } from './quotas.ts';

/** How one invocation ended, as Lambda reports it. */
export type Outcome =
  | { readonly status: 'succeeded'; readonly payload: unknown }
  | { readonly status: 'failed'; readonly errorType: string; readonly error: FunctionError };

/** The JSON that Step Functions shows as `Cause`. */
export interface FunctionError {
  /** The error's name, which Step Functions' retriers and catchers match. */
  readonly errorType: string;
  readonly errorMessage: string;
  /** The stack, line by line. */
  readonly trace?: readonly string[];
}

/** A failure, in the shape that Lambda's runtime for Node gives it. */
export function failed(errorType: string, errorMessage: string, trace?: readonly string[]): Outcome {
  const error = { errorType, errorMessage, ...(trace && { trace }) };
  return { status: 'failed', errorType, error };
}

/** The function took longer than it may, and was killed. */
export function timedOut(requestId: string, seconds: number): Outcome {
  return failed(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  );
}

/** The function's process ended before it answered: it exited, crashed, or ran out of memory. */
export function exited(requestId: string, reason: string): Outcome {
  return failed('Runtime.ExitError', `RequestId: ${requestId} Error: Runtime exited with error: ${reason}`);
}

/** The answer is larger than Lambda passes on. */
export function answerTooLarge(): Outcome {
  return failed(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${maxPayloadBytes} bytes).`,
  );
}
