import type { Json } from '../json.ts';

/** A service that a Task can call. */
export interface Resource {
  /** The part of the ARN behind `arn:aws:states:::`. */
  readonly name: string;
  /** As history events name it: `lambda` and `invoke`. */
  readonly resourceType: string;
  readonly resource: string;
  /** The arguments it knows, and which of them it must have. */
  readonly arguments: Readonly<Record<string, 'required' | 'optional'>>;
  /** Answers the task's result, or fails with the errors that AWS names for it. */
  call(args: Readonly<Record<string, Json>>, caller: { readonly executionArn: string }): Promise<Json>;
}
