import type { EventDetails } from '../history.ts';
import type { JsonObject } from '../json.ts';

/** What the interpreter needs of the execution that it runs. */
export interface Running {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  /** Milliseconds in a second of waiting. */
  readonly secondMs: number;
  /** `Execution` and `StateMachine` of `$states.context`. */
  readonly context: JsonObject;
  /** Appends an event and answers its id; ends the execution where the history is full. */
  record(type: string, previousEventId: number, details?: EventDetails): number;
  /** A state was entered, or tried again. */
  countTransition(): void;
}

/** Thrown through the interpreter when the execution, or a sibling, has ended: nothing may follow. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}
