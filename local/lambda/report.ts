/** The numbers of one invocation. */
export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  readonly initMs: number;
  /** Memory of the configuration, in MB. */
  readonly memorySize: number;
  /** Memory that was used at most, in bytes. */
  readonly peakMemory: number;
}

/** A sandbox that waited this long, in milliseconds, was loading its code; a warm one is ready at once. */
const shortestInitMs = 1;

/** The line that Lambda writes to the log after each invocation. */
export function reportLine({
  requestId,
  durationMs,
  initMs,
  memorySize,
  peakMemory,
}: InvocationReport): string {
  return [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs)} ms`,
    `Memory Size: ${memorySize} MB`,
    `Max Memory Used: ${Math.ceil(peakMemory / 2 ** 20)} MB`,
    ...(initMs > shortestInitMs ? [`Init Duration: ${initMs.toFixed(2)} ms`] : []),
  ].join('\t');
}
