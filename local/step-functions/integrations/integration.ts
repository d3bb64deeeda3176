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
   * @param task The Task that calls it, for an action that goes on after its answer.
   * @returns the Task's result, as JSON.
   * @throws Failure with the error that AWS names.
   */
  call(args: JsonObject, task: CallingTask): Promise<unknown>;
}

/** The Task that calls an integration. */
export interface CallingTask {
  /** Aborted when nobody waits for the call any more: the Task timed out, or its execution or its branch ended. */
  readonly signal: AbortSignal;
  /** The ARN of the Task's execution. */
  readonly executionArn: string;
  /**
   * Records that the service has started a job, which the Task now waits for.
   *
   * @param answer What the service answered, as JSON.
   * @throws Aborted when the Task's execution or branch has ended.
   */
  submitted(answer: JsonObject): void;
}
