/** A function, as the template configures it. */
export interface FunctionSpec {
  /** ARN without a version. */
  readonly arn: string;
  readonly name: string;
  /** The published version that this code is; `$LATEST` when it is left out. */
  readonly version?: string;
  /** Folder of the bundle. */
  readonly code: string;
  /** `<file>.<export>`, as in `index.handler`. */
  readonly handler: string;
  readonly timeoutSeconds: number;
  /** Memory in MB. */
  readonly memorySize: number;
  /** As in the template: `nodejs22.x`. The code runs on this machine's Node all the same. */
  readonly runtime: string;
  /**
   * The function's variables: those of its configuration, and those that the caller adds (endpoints, credentials). It
   * sees no other variable of this process.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the function writes, line by line, and one REPORT line for each invocation. */
  readonly log?: (line: string) => void;
}
