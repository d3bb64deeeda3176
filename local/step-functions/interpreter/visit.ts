import type { Exit, State } from '../definition/machine.ts';
import type { Template } from '../definition/template.ts';
import { dataLimitExceeded, Failure, queryEvaluationError } from '../failure.ts';
import type { EventDetails } from '../history.ts';
import { bytes, dataLimit, isObject, type Json, type JsonObject } from '../json.ts';
import type { Branch, Variables } from './branch.ts';
import type { Running } from './running.ts';
import { sleep } from './waiting.ts';

/** What a state leaves behind. */
export interface Left {
  readonly next: string | undefined;
  readonly output: Json;
  readonly assigned: Variables | undefined;
}

/** What expressions see beyond the input, depending on how the state ended. */
export type Ending =
  | { readonly result: Json }
  | { readonly errorOutput: Json }
  | Readonly<Record<never, never>>;

/** All variables of a scope together. */
const variablesLimit = 10 * 2 ** 20;

const notTruncated = { truncated: false };

/** One stay of a branch in a state. */
export class Visit {
  readonly branch: Branch;
  readonly running: Running;
  /** Aborted when the execution ends, or a sibling of this branch fails. */
  readonly signal: AbortSignal;
  readonly name: string;
  readonly input: Json;
  retryCount = 0;
  readonly #type: State['type'];
  readonly #enteredTime = new Date();
  readonly #enteredEvent: number;

  constructor(branch: Branch, type: State['type'], running: Running, signal: AbortSignal) {
    this.branch = branch;
    this.running = running;
    this.signal = signal;
    this.name = branch.state;
    this.input = branch.input;
    this.#type = type;
    this.#enteredEvent = this.record(`${type}StateEntered`, {
      name: this.name,
      input: JSON.stringify(this.input),
      inputDetails: notTruncated,
    });
    running.countTransition();
  }

  /** Appends an event that follows this branch's latest one. */
  record(type: string, details?: EventDetails): number {
    this.signal.throwIfAborted();
    this.branch.lastEvent = this.running.record(type, this.branch.lastEvent, details);
    return this.branch.lastEvent;
  }

  /** Evaluates with the values of this visit; `inside` is what the context says of a Map's item. */
  async evaluate(template: Template, ending: Ending = {}, inside?: JsonObject): Promise<Json> {
    const { outer, variables, context } = this.branch;
    try {
      return await template.evaluate({
        states: { input: this.input, context: this.#context(inside ?? context), ...ending },
        variables: { ...outer, ...variables },
      });
    } catch (error) {
      throw error instanceof Failure ? this.failed(error) : error;
    }
  }

  /** A failure of Step Functions' own gets to say in which state, and an expression's an event. */
  failed(failure: Failure): Failure {
    const { error, reason, location, ours } = failure;
    if (!ours) {
      return failure;
    }
    const where = `An error occurred while executing the state '${this.name}' (entered at the event id #${this.#enteredEvent}).`;
    const told = new Failure(error, `${where} ${reason}`);
    if (location !== undefined) {
      this.record('EvaluationFailed', { error, cause: told.reason, location, state: this.name });
    }
    return told;
  }

  /** A number that a field may also give by an expression. */
  async number(template: Template, field: string, min: number): Promise<number> {
    const value = await this.evaluate(template);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min) {
      const got = JSON.stringify(value);
      const reason = `The value for the field '${field}' must be an integer of at least ${min}, but was ${got}`;
      throw this.failed(queryEvaluationError(field, reason));
    }
    return value;
  }

  async text(template: Template, field: string): Promise<string> {
    const value = await this.evaluate(template);
    if (typeof value !== 'string') {
      const reason = `The value for the field '${field}' must be a string, but was ${JSON.stringify(value)}`;
      throw this.failed(queryEvaluationError(field, reason));
    }
    return value;
  }

  /** Evaluates what an exit assigns and gives, both with the values at entry; `otherwise` is the output without one. */
  async leave(exit: Exit, ending: Ending, otherwise: Json): Promise<Left> {
    const assigned = exit.assign && ((await this.evaluate(exit.assign, ending)) as Variables);
    const output = exit.output ? await this.evaluate(exit.output, ending) : otherwise;
    this.checkSize(output);
    if (assigned !== undefined) {
      this.checkSize(assigned);
      if (bytes(JSON.stringify({ ...this.branch.variables, ...assigned })) > variablesLimit) {
        throw dataLimitExceeded(this.name);
      }
    }
    return { next: exit.next, output, assigned };
  }

  checkSize(value: Json): void {
    if (bytes(JSON.stringify(value)) > dataLimit) {
      throw dataLimitExceeded(this.name);
    }
  }

  exited({ output, assigned }: Left): void {
    this.record(`${this.#type}StateExited`, {
      name: this.name,
      output: JSON.stringify(output),
      outputDetails: notTruncated,
      ...(isObject(assigned) && {
        assignedVariables: Object.fromEntries(
          Object.entries(assigned).map(([name, value]) => [name, JSON.stringify(value)]),
        ),
        assignedVariablesDetails: notTruncated,
      }),
    });
  }

  async sleep(seconds: number): Promise<void> {
    await sleep(seconds * this.running.secondMs, this.signal);
  }

  #context(inside: JsonObject): Json {
    return {
      ...this.running.context,
      ...inside,
      State: {
        Name: this.name,
        EnteredTime: this.#enteredTime.toISOString(),
        RetryCount: this.retryCount,
      },
    };
  }
}
