import type { Resource } from '../resources/resource.ts';
import type { Expression, Template } from './template.ts';

/** A definition that has been checked, with its expressions parsed. */
export interface Machine extends Container {
  readonly timeoutSeconds: number | undefined;
}

/** States that run from one start: a machine, a Map's item processor, a branch. */
export interface Container {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, State>;
}

export type State =
  | TaskState
  | ChoiceState
  | WaitState
  | PassState
  | MapState
  | ParallelState
  | SucceedState
  | FailState;

/** How a state is left. */
export interface Exit {
  /** `undefined` where the branch ends. */
  readonly next: string | undefined;
  readonly output: Template | undefined;
  readonly assign: Template | undefined;
}

export interface Retrier {
  readonly errors: readonly string[];
  readonly intervalSeconds: number;
  readonly maxAttempts: number;
  readonly backoffRate: number;
  readonly maxDelaySeconds: number | undefined;
  readonly fullJitter: boolean;
}

export interface Catcher extends Exit {
  readonly errors: readonly string[];
}

/** What can be tried again. */
export interface Fallible {
  readonly retry: readonly Retrier[];
  readonly catch: readonly Catcher[];
}

export interface TaskState extends Exit, Fallible {
  readonly type: 'Task';
  readonly resource: Resource;
  readonly arguments: Template | undefined;
  readonly timeoutSeconds: Template | undefined;
}

export interface Rule extends Exit {
  readonly condition: Expression | boolean;
}

export interface ChoiceState {
  readonly type: 'Choice';
  readonly rules: readonly Rule[];
  readonly default: Exit | undefined;
}

export interface WaitState extends Exit {
  readonly type: 'Wait';
  readonly until:
    | { readonly kind: 'Seconds'; readonly value: Template }
    | { readonly kind: 'Timestamp'; readonly value: Template };
}

export interface PassState extends Exit {
  readonly type: 'Pass';
}

export interface MapState extends Exit, Fallible {
  readonly type: 'Map';
  readonly items: Template | undefined;
  readonly itemSelector: Template | undefined;
  readonly maxConcurrency: Template | undefined;
  readonly processor: Container;
}

export interface ParallelState extends Exit, Fallible {
  readonly type: 'Parallel';
  readonly arguments: Template | undefined;
  readonly branches: readonly Container[];
}

export interface SucceedState extends Exit {
  readonly type: 'Succeed';
}

export interface FailState {
  readonly type: 'Fail';
  readonly error: Template | undefined;
  readonly cause: Template | undefined;
}
