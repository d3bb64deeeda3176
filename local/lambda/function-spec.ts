/** A function as it is configured in the template. */
export interface FunctionSpec {
  /** ARN without a version. */
  readonly arn: string;
  readonly name: string;
  /** The published version that this code is; `$LATEST` where there is none. */
  readonly version?: string;
  /** Folder of the bundle. */
  readonly code: string;
  /** `<file>.<export>` */
  readonly handler: string;
  readonly timeoutSeconds: number;
  /** MB */
  readonly memorySize: number;
  /** As in the template: `nodejs22.x` */
  readonly runtime: string;
  /** What the function's configuration says, and what the caller adds: endpoints, credentials. Nothing else gets in. */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the function writes, line by line, and one REPORT line per invocation. */
  readonly log?: (line: string) => void;
}
