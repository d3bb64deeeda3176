import type { JsonObject } from '../json.ts';

/** A service integration: an action of a service that a Task can call. */
export interface Integration {
  /** The end of the Task's `Resource`, behind `arn:aws:states:::`. */
  readonly name: string;
  /** What history events say: `lambda` and `invoke`. */
  readonly resourceType: string;
  readonly resource: string;
  /** The arguments that it knows, and whether a Task must give them. */
  readonly arguments: Readonly<Record<string, 'required' | 'optional'>>;
  /**
   * Does the action.
   *
   * @param args The Task's arguments; the interpreter has checked their names.
   * @returns the Task's result, as JSON.
   * @throws Failure with the error that AWS names.
   */
  call(args: JsonObject): Promise<unknown>;
}
