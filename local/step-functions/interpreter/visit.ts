import type { Template } from '../definition/jsonata/template.ts';
import type { Exit, State } from '../definition/machine.ts';
import { Failure, queryEvaluationError } from '../failure.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { maxVariablesBytes } from '../quotas.ts';
import { sleep } from './abortable.ts';
import type { Branch, Variables } from './branch.ts';
import { checkDataSize } from './data-size.ts';
import type { EventDetails, RunningExecution } from './running-execution.ts';

/** How a state is left. */
export interface Transition {
  /** The next state; undefined where the branch ends. */
  readonly next: string | undefined;
  readonly output: Json;
  /** The variables that the state assigned. */
  readonly assigned: Variables | undefined;
}

/** What `$states` has when a state is left, besides input and context. */
export type Outcome =
  | { readonly result: Json }
  | { readonly errorOutput: Json }
  | Readonly<Record<never, never>>;

const notTruncated = { truncated: false };

/** One visit of a branch to a state, from its entered event to its exited event, with all retries. */
export class Visit {
  readonly branch: Branch;
  readonly execution: RunningExecution;
  /** Aborted when the execution ends, or a sibling of this branch fails. */
  readonly signal: AbortSignal;
  /** The state's name. */
  readonly name: string;
  readonly input: Json;
  readonly #type: State['type'];
  readonly #enteredTime = new Date();
  readonly #enteredEvent: number;
  #retryCount = 0;

  /** Enters the state that the branch is in. */
  constructor(branch: Branch, type: State['type'], execution: RunningExecution, signal: AbortSignal) {
    this.branch = branch;
    this.execution = execution;
    this.signal = signal;
    this.name = branch.state;
    this.input = branch.input;
    this.#type = type;
    this.#enteredEvent = this.record(`${type}StateEntered`, {
      name: this.name,
      input: JSON.stringify(this.input),
      inputDetails: notTruncated,
    });
    execution.countTransition();
  }

  /** The variables that expressions and inner workflows can read. */
  get visibleVariables(): Variables {
    return { ...this.branch.outerVariables, ...this.branch.variables };
  }

  /**
   * Appends an event that follows this branch's latest one, and returns its id.
   *
   * @throws Aborted when the execution or this branch has ended.
   */
  record(type: string, details?: EventDetails): number {
    this.signal.throwIfAborted();
    this.branch.lastEvent = this.execution.record(type, this.branch.lastEvent, details);
    return this.branch.lastEvent;
  }

  /** Counts a retry, which starts the state's work afresh. */
  countRetry(): void {
    this.#retryCount += 1;
    this.execution.countTransition();
    this.branch.children = undefined;
  }

  /**
   * Evaluates a template.
   *
   * @param outcome What `$states` has besides input and context.
   * @param context What `$states.context` says beyond the execution and the state; the branch's own by default.
   * @throws States.QueryEvaluationError.
   */
  async evaluate(
    template: Template,
    outcome: Outcome = {},
    context: JsonObject = this.branch.context,
  ): Promise<Json> {
    try {
      return await template.evaluate({
        states: { input: this.input, context: this.#statesContext(context), ...outcome },
        variables: this.visibleVariables,
      });
    } catch (error) {
      throw error instanceof Failure ? this.failed(error) : error;
    }
  }

  /** Evaluates a template that must give an integer of at least `min`. */
  async integer(template: Template, field: string, min: number): Promise<number> {
    const value = await this.evaluate(template);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min) {
      const got = JSON.stringify(value);
      const cause = `The value for the field '${field}' must be an integer of at least ${min}, but was ${got}`;
      throw this.failed(queryEvaluationError(field, cause));
    }
    return value;
  }

  /** Evaluates a template that must give text. */
  async text(template: Template, field: string): Promise<string> {
    const value = await this.evaluate(template);
    if (typeof value !== 'string') {
      const cause = `The value for the field '${field}' must be a string, but was ${JSON.stringify(value)}`;
      throw this.failed(queryEvaluationError(field, cause));
    }
    return value;
  }

  /**
   * A failure as this state reports it. What Step Functions itself raises names the state, and what an expression
   * raises gets an event. Other failures stay as they are.
   */
  failed(failure: Failure): Failure {
    const { error, cause, location, raisedByService } = failure;
    if (!raisedByService) {
      return failure;
    }
    const where = `An error occurred while executing the state '${this.name}' (entered at the event id #${this.#enteredEvent}).`;
    const reported = new Failure(error, `${where} ${cause}`);
    if (location !== undefined) {
      this.record('EvaluationFailed', { error, cause: reported.cause, location, state: this.name });
    }
    return reported;
  }

  /**
   * Evaluates what an exit assigns and outputs. Both see the variables as they were when the state was entered.
   *
   * @param defaultOutput The output of an exit that has none of its own.
   * @throws States.DataLimitExceeded.
   */
  async leave(exit: Exit, outcome: Outcome, defaultOutput: Json): Promise<Transition> {
    const assigned = exit.assign && (await this.#assigned(exit.assign, outcome));
    const output = exit.output ? await this.evaluate(exit.output, outcome) : defaultOutput;
    checkDataSize(JSON.stringify(output), this.name);
    if (assigned !== undefined) {
      checkDataSize(JSON.stringify(assigned), this.name);
      const all = { ...this.branch.variables, ...assigned };
      checkDataSize(JSON.stringify(all), this.name, maxVariablesBytes);
    }
    return { next: exit.next, output, assigned };
  }

  /** Records that the state is left. */
  exited({ output, assigned }: Transition): void {
    this.record(`${this.#type}StateExited`, {
      name: this.name,
      output: JSON.stringify(output),
      outputDetails: notTruncated,
      ...(assigned && {
        assignedVariables: Object.fromEntries(
          Object.entries(assigned).map(([name, value]) => [name, JSON.stringify(value)]),
        ),
        assignedVariablesDetails: notTruncated,
      }),
    });
  }

  /** Waits for so many of the execution's seconds. */
  async sleep(seconds: number): Promise<void> {
    await sleep(seconds * this.execution.secondMs, this.signal);
  }

  async #assigned(assign: Template, outcome: Outcome): Promise<Variables> {
    const value = await this.evaluate(assign, outcome);
    return isJsonObject(value) ? value : {}; // the definition's check has made sure that it is an object
  }

  #statesContext(context: JsonObject): JsonObject {
    return {
      ...this.execution.context,
      ...context,
      State: {
        Name: this.name,
        EnteredTime: this.#enteredTime.toISOString(),
        RetryCount: this.#retryCount,
      },
    };
  }
}
