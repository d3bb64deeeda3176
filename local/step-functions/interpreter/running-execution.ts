import type { JsonObject } from '../json.ts';

/** The fields that belong to an event's type. */
export type EventDetails = Readonly<Record<string, unknown>>;

/** What the interpreter needs of the execution that it runs. */
export interface RunningExecution {
  readonly arn: string;
  readonly region: string;
  /** How many milliseconds a second of waiting lasts. */
  readonly secondMs: number;
  /** `Execution` and `StateMachine` of `$states.context`. */
  readonly context: JsonObject;
  /**
   * Appends an event and returns its id. Ends the execution when the history is full.
   *
   * @throws Aborted when the execution has ended.
   */
  record(type: string, previousEventId: number, details?: EventDetails): number;
  /** Counts a state that is entered, or a retry. */
  countTransition(): void;
}
