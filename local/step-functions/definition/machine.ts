import type { Integration } from '../integrations/integration.ts';
import type { Template } from './jsonata/template.ts';

// A definition that has been checked, with its expressions parsed. Fields are named as in the Amazon States Language.
// A template gives its value when a state runs, because it may have expressions.

/** A state machine. */
export interface Machine extends Workflow {
  readonly timeoutSeconds: number | undefined;
}

/** States with one start: a machine, the item processor of a Map, a branch of a Parallel. */
export interface Workflow {
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

/** A way to leave a state: the state's own, a Choice's rule, or a catcher. */
export interface Exit {
  /** The next state; undefined where the workflow ends. */
  readonly next: string | undefined;
  readonly output: Template | undefined;
  readonly assign: Template | undefined;
}

export interface Retrier {
  /** `ErrorEquals` */
  readonly errors: readonly string[];
  readonly intervalSeconds: number;
  readonly maxAttempts: number;
  readonly backoffRate: number;
  readonly maxDelaySeconds: number | undefined;
  /** `FULL` takes a random part of each delay. */
  readonly jitter: 'FULL' | 'NONE';
}

export interface Catcher extends Exit {
  /** `ErrorEquals` */
  readonly errors: readonly string[];
}

/** What a state does about a failure. The first match counts. */
export interface ErrorHandling {
  readonly retry: readonly Retrier[];
  readonly catch: readonly Catcher[];
}

export interface TaskState extends Exit, ErrorHandling {
  readonly type: 'Task';
  /** What `Resource` names. */
  readonly integration: Integration;
  readonly arguments: Template | undefined;
  readonly timeoutSeconds: Template | undefined;
}

export interface Rule extends Exit {
  readonly condition: Template | boolean;
}

export interface ChoiceState {
  readonly type: 'Choice';
  readonly rules: readonly Rule[];
  readonly default: Exit | undefined;
}

export interface WaitState extends Exit {
  readonly type: 'Wait';
  readonly until: { readonly kind: 'Seconds' | 'Timestamp'; readonly value: Template };
}

export interface PassState extends Exit {
  readonly type: 'Pass';
}

export interface MapState extends Exit, ErrorHandling {
  readonly type: 'Map';
  readonly items: Template | undefined;
  readonly itemSelector: Template | undefined;
  readonly maxConcurrency: Template | undefined;
  readonly processor: Workflow;
}

export interface ParallelState extends Exit, ErrorHandling {
  readonly type: 'Parallel';
  readonly arguments: Template | undefined;
  readonly branches: readonly Workflow[];
}

export interface SucceedState extends Exit {
  readonly type: 'Succeed';
}

export interface FailState {
  readonly type: 'Fail';
  readonly error: Template | undefined;
  readonly cause: Template | undefined;
}
