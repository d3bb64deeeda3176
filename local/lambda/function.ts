import { randomUUID } from 'node:crypto';
import type { FunctionSpec } from './function-spec.ts';
import { invokeIn } from './invoke.ts';
import type { Outcome } from './outcome.ts';
import { maxPayloadBytes } from './quotas.ts';
import { reportLine } from './report.ts';
import { runtimeEnvironment } from './runtime-environment.ts';
import { SandboxPool } from './sandbox-pool.ts';
import { unpackCode } from './unpack-code.ts';

/** A function that can be invoked, also several times at once. */
export interface LambdaFunction {
  readonly arn: string;
  readonly name: string;
  readonly version: string;
  /**
   * Runs the handler.
   *
   * @param payload The event, which becomes JSON.
   * @param qualifiedArn The ARN that the handler finds in its context; the function's own by default.
   * @returns how the invocation ended; failures are outcomes too.
   * @throws RangeError for a payload over 6 MB, which no function could take.
   */
  invoke(payload: unknown, qualifiedArn?: string): Promise<Outcome>;
  /** Ends every worker at once, in the middle of its invocation, as a crash of the machine would. */
  kill(): Promise<void>;
  /** The most bytes of heap and buffers that one worker held at a time since the last `resetPeak`. */
  peakMemoryBytes(): number;
  resetPeak(): void;
  /** Ends the workers and removes the unpacked code. */
  stop(): Promise<void>;
}

/**
 * Makes a bundle invocable. A worker starts with the first invocation and stays warm; more start while all are busy.
 *
 * @throws when the bundle has no file for the handler.
 */
export function startFunction(spec: FunctionSpec): LambdaFunction {
  const { arn, name, version = '$LATEST', timeoutSeconds, memorySize, log = () => {} } = spec;
  const code = unpackCode(spec.code, spec.handler);
  const sandboxes = new SandboxPool({
    file: code.file,
    exportName: code.exportName,
    functionName: name,
    functionVersion: version,
    memorySize,
    environment: { ...runtimeEnvironment(spec, version, code.file), ...spec.environment },
    log,
  });
  let peakMemory = 0;

  return {
    arn,
    name,
    version,
    async invoke(payload, qualifiedArn = arn) {
      const event = eventOf(payload);
      const requestId = randomUUID();
      const sandbox = sandboxes.take();
      const invocation = { requestId, payload: event, arn: qualifiedArn };
      const { outcome, durationMs, initMs, isReusable } = await invokeIn(sandbox, invocation, timeoutSeconds);

      peakMemory = Math.max(peakMemory, sandbox.peakMemory);
      log(reportLine({ requestId, durationMs, initMs, memorySize, peakMemory: sandbox.peakMemory }));
      if (isReusable) {
        sandboxes.giveBack(sandbox);
      } else {
        await sandbox.kill();
      }
      return outcome;
    },
    kill: () => sandboxes.kill(),
    peakMemoryBytes: () => peakMemory,
    resetPeak() {
      peakMemory = 0;
    },
    async stop() {
      await sandboxes.kill();
      code.remove();
    },
  };
}

function eventOf(payload: unknown): string {
  const event = JSON.stringify(payload ?? null);
  if (Buffer.byteLength(event) > maxPayloadBytes) {
    throw new RangeError(
      `Request must be smaller than ${maxPayloadBytes} bytes for the InvokeFunction operation`,
    );
  }
  return event;
}
