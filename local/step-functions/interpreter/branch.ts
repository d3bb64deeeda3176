import type { Workflow } from '../definition/machine.ts';
import type { Json, JsonObject } from '../json.ts';
import type { RunningExecution } from './running-execution.ts';

export type Variables = JsonObject;

/** What a branch starts with. */
export interface BranchStart {
  readonly workflow: Workflow;
  readonly input: Json;
  /** Variables of the workflows around it, which it may read; none by default. */
  readonly outerVariables?: Variables;
  /** What `$states.context` says beyond the execution: the item of a Map. Nothing by default. */
  readonly context?: JsonObject;
}

/**
 * How far one way through a workflow has come: the machine itself, one iteration of a Map, one branch of a Parallel.
 * It outlives a failure, so that a redrive goes on from here.
 */
export class Branch {
  readonly workflow: Workflow;
  readonly outerVariables: Variables;
  readonly context: JsonObject;
  progress: 'waiting' | 'running' | 'done' = 'waiting';
  /** The state it is in, and that state's input. */
  state: string;
  input: Json;
  /** Its own variables, as they were when it entered the state. */
  variables: Variables = {};
  /** The branches of the Map or the Parallel that it is in. */
  children: readonly Branch[] | undefined;
  /** What it ended with. */
  output: Json = null;
  /** The id of its latest event, which its next one follows. */
  lastEvent = 0;

  constructor({ workflow, input, outerVariables = {}, context = {} }: BranchStart) {
    this.workflow = workflow;
    this.state = workflow.startAt;
    this.input = input;
    this.outerVariables = outerVariables;
    this.context = context;
  }
}

/** Runs a branch from the state it is in to its end. The signal ends it before, by a throw. */
export type RunBranch = (branch: Branch, execution: RunningExecution, signal: AbortSignal) => Promise<void>;
