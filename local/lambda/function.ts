import { randomUUID } from 'node:crypto';
import { unpack } from './code.ts';
import { runtimeEnvironment } from './environment.ts';
import type { FunctionSpec } from './function-spec.ts';
import { exited, failed, type Outcome, payloadLimit, timedOut } from './outcome.ts';
import { type Death, Sandbox } from './sandbox.ts';

/** A function that can be invoked, as often at the same time as one likes. */
export interface LambdaFunction {
  readonly arn: string;
  readonly name: string;
  readonly version: string;
  /** Runs the handler with `payload`. Rejects only for what no function could take; failures are outcomes. */
  invoke(payload: unknown, qualifiedArn?: string): Promise<Outcome>;
  /** Ends every worker at once, in the middle of its invocation, as a crash of the machine below would. */
  kill(): Promise<void>;
  /** The most bytes of heap and buffers that one worker held at a time since the last `resetPeak`. */
  peakMemoryBytes(): number;
  resetPeak(): void;
  /** Ends the workers and removes what was unpacked for them. */
  stop(): Promise<void>;
}

/** Loading the code has this long, before the function's own timeout begins. */
const initSeconds = 10;

/** Makes a bundle invocable. Workers start with the first invocation, stay warm, and multiply when they are all busy. */
export function startFunction(spec: FunctionSpec): LambdaFunction {
  const version = spec.version ?? '$LATEST';
  const log = spec.log ?? (() => {});
  const code = unpack(spec.code, spec.handler);
  const environment = { ...runtimeEnvironment(spec, version, code.file), ...spec.environment };
  const idle: Sandbox[] = [];
  const alive = new Set<Sandbox>();
  let peak = 0;

  function start(): Sandbox {
    const sandbox = new Sandbox({
      file: code.file,
      exportName: code.exportName,
      functionName: spec.name,
      functionVersion: version,
      memorySize: spec.memorySize,
      environment,
      log,
    });
    alive.add(sandbox);
    sandbox.gone.then(() => {
      alive.delete(sandbox);
      const position = idle.indexOf(sandbox);
      if (position >= 0) {
        idle.splice(position, 1);
      }
    });
    return sandbox;
  }

  async function invoke(payload: unknown, qualifiedArn = spec.arn): Promise<Outcome> {
    const event = JSON.stringify(payload ?? null);
    if (Buffer.byteLength(event) > payloadLimit) {
      throw new RangeError(
        `Request must be smaller than ${payloadLimit} bytes for the InvokeFunction operation`,
      );
    }
    const requestId = randomUUID();
    const sandbox = idle.pop() ?? start();
    const died = sandbox.gone.then((death) => outcomeOf(death, requestId));

    const initStarted = performance.now();
    const notLoaded = await within(initSeconds, [sandbox.ready, died], () =>
      timedOut(requestId, initSeconds),
    );
    const started = performance.now();
    const outcome =
      notLoaded ??
      (await within(
        spec.timeoutSeconds,
        [
          sandbox.run({
            requestId,
            payload: event,
            deadline: Date.now() + spec.timeoutSeconds * 1000,
            arn: qualifiedArn,
          }),
          died,
        ],
        () => timedOut(requestId, spec.timeoutSeconds),
      ));

    peak = Math.max(peak, sandbox.peakMemory);
    log(report(requestId, performance.now() - started, started - initStarted, spec.memorySize, sandbox));
    if (notLoaded !== undefined || isTimeout(outcome)) {
      await sandbox.kill();
    } else if (alive.has(sandbox)) {
      idle.push(sandbox);
    }
    return outcome;
  }

  async function kill(): Promise<void> {
    await Promise.all([...alive].map((sandbox) => sandbox.kill()));
  }

  return {
    arn: spec.arn,
    name: spec.name,
    version,
    invoke,
    kill,
    peakMemoryBytes: () => peak,
    resetPeak: () => {
      peak = 0;
    },
    stop: async () => {
      await kill();
      code.remove();
    },
  };
}

/** The first of `promises`, or what `late` says when none is there in time. */
async function within<T>(seconds: number, promises: readonly Promise<T>[], late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), seconds * 1000);
  });
  try {
    return await Promise.race([...promises, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function outcomeOf(death: Death, requestId: string): Outcome {
  switch (death.cause) {
    case 'exit':
      return death.code === 0
        ? failed(
            'Runtime.ExitError',
            `RequestId: ${requestId} Error: Runtime exited without providing a reason`,
          )
        : exited(requestId, `exit status ${death.code}`);
    case 'killed':
    case 'memory':
      return exited(requestId, 'signal: killed');
    case 'uncaught': {
      const { error } = death;
      return error instanceof Error
        ? failed(error.name, error.message, error.stack?.split('\n'))
        : failed('Runtime.UnhandledPromiseRejection', String(error));
    }
  }
}

function isTimeout(outcome: Outcome): boolean {
  return outcome.status === 'failed' && outcome.errorType === 'Sandbox.Timedout';
}

function report(id: string, ms: number, initMs: number, memorySize: number, { peakMemory }: Sandbox): string {
  return [
    `REPORT RequestId: ${id}`,
    `Duration: ${ms.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(ms)} ms`,
    `Memory Size: ${memorySize} MB`,
    `Max Memory Used: ${Math.ceil(peakMemory / 2 ** 20)} MB`,
    ...(initMs > 1 ? [`Init Duration: ${initMs.toFixed(2)} ms`] : []), // a warm worker was ready before
  ].join('\t');
}
