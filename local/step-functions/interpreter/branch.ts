import type { Container } from '../definition/machine.ts';
import type { Json, JsonObject } from '../json.ts';

export type Variables = Readonly<Record<string, Json>>;

/**
 * How far one way through a container has come: the machine itself, one iteration of a Map, one branch of a Parallel. It
 * outlives a failure, so that a redrive goes on from here.
 */
export class Branch {
  readonly container: Container;
  /** Variables of the scopes around it, which it may read. */
  readonly outer: Variables;
  /** What `$states.context` says here beyond the execution: the item of a Map. */
  readonly context: JsonObject;
  progress: 'waiting' | 'running' | 'done' = 'waiting';
  /** The state it is in, and that state's input. */
  state: string;
  input: Json;
  /** Its own variables, as they were when it entered the state. */
  variables: Variables = {};
  /** The branches of the Map or Parallel it is in. */
  children: readonly Branch[] | undefined;
  /** What it ended with. */
  output: Json = null;
  /** Its latest event, which the next one follows. */
  lastEvent = 0;

  constructor(container: Container, input: Json, outer: Variables = {}, context: JsonObject = {}) {
    this.container = container;
    this.state = container.startAt;
    this.input = input;
    this.outer = outer;
    this.context = context;
  }
}
