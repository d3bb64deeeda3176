import { exited, failed, type Outcome, timedOut } from './outcome.ts';
import { maxInitSeconds } from './quotas.ts';
import type { Invocation, Sandbox, WorkerEnd } from './sandbox.ts';

/** One invocation, as it ended. */
export interface InvocationResult {
  readonly outcome: Outcome;
  /** How long the function worked. */
  readonly durationMs: number;
  /** How long the code took to load; near 0 in a warm sandbox. */
  readonly initMs: number;
  /** Whether the sandbox can take another invocation: not after its code failed to load, or after a timeout. */
  readonly isReusable: boolean;
}

/**
 * Runs one invocation in a sandbox. It never throws: a timeout, an exit and a crash are outcomes too.
 *
 * @param timeoutSeconds The function's own timeout; loading the code has ten seconds beside it.
 */
export async function invokeIn(
  sandbox: Sandbox,
  invocation: Omit<Invocation, 'deadline'>,
  timeoutSeconds: number,
): Promise<InvocationResult> {
  const { requestId } = invocation;
  const died = sandbox.gone.then((end) => outcomeOf(end, requestId));

  const initStart = performance.now();
  const loadFailure = await within(maxInitSeconds, [sandbox.ready, died], () =>
    timedOut(requestId, maxInitSeconds),
  );
  const start = performance.now();
  const outcome =
    loadFailure ??
    (await within(
      timeoutSeconds,
      [sandbox.run({ ...invocation, deadline: Date.now() + timeoutSeconds * 1000 }), died],
      () => timedOut(requestId, timeoutSeconds),
    ));
  return {
    outcome,
    durationMs: performance.now() - start,
    initMs: start - initStart,
    isReusable: loadFailure === undefined && !isTimeout(outcome),
  };
}

/** The first of `promises` to settle, or what `onTimeout` answers when none does in time. */
async function within<T>(seconds: number, promises: readonly Promise<T>[], onTimeout: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(onTimeout()), seconds * 1000);
  });
  try {
    return await Promise.race([...promises, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** What Lambda reports when a worker ends before it answers. */
function outcomeOf(end: WorkerEnd, requestId: string): Outcome {
  switch (end.cause) {
    case 'exit':
      return end.code === 0
        ? failed(
            'Runtime.ExitError',
            `RequestId: ${requestId} Error: Runtime exited without providing a reason`,
          )
        : exited(requestId, `exit status ${end.code}`);
    case 'killed':
    case 'memory':
      return exited(requestId, 'signal: killed');
    case 'uncaught': {
      const { error } = end;
      return error instanceof Error
        ? failed(error.name, error.message, error.stack?.split('\n'))
        : failed('Runtime.UnhandledPromiseRejection', String(error));
    }
  }
}

function isTimeout(outcome: Outcome): boolean {
  return outcome.status === 'failed' && outcome.errorType === 'Sandbox.Timedout';
}
