import { isDeepStrictEqual } from 'node:util';
import type {
  Caller,
  Closed,
  MigrateRequest,
  NotBegun,
  Opened,
  Pending,
  RunInput,
  Slice,
} from '../../../functions/contract.ts';
import { caller } from '../../support/engine.ts';

/** Where an execution is: the state of the machine that it enters next. */
type Place =
  | { readonly at: 'open' | 'close' | 'end' }
  | { readonly at: 'pending' | 'batches'; readonly left: readonly string[] };

/** Executions that a state starts beside its own. */
type Start = (input: RunInput) => void;

/** An execution of the migrations machine, one state at a time: what the machine does between two invocations of its function. */
export class Execution {
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED' = 'RUNNING';
  error = '';
  /** What it succeeded with. */
  result: Extract<Closed, { state: 'succeeded' }>['result'] = {};
  /** The version of the code that the part under way began with; undefined before it has. */
  code: number | undefined;
  readonly input: RunInput;
  #run: Caller;
  #place: Place = { at: 'open' };

  constructor(name: string, input: RunInput) {
    this.#run = caller(name);
    this.input = input;
  }

  get arn(): string {
    return this.#run.execution_arn;
  }

  /** The migration whose slices it is at; undefined if it is at something else. */
  get migrating(): string | undefined {
    return this.#place.at === 'batches' ? this.#place.left[0] : undefined;
  }

  /** What the next state asks the function. */
  request(): MigrateRequest {
    const run = this.#run;
    switch (this.#place.at) {
      case 'open':
        return { operation: 'open', run, input: this.input };
      case 'pending':
      case 'batches':
        return { operation: this.#place.at, run, migration: this.#place.left[0] ?? '' };
      default:
        return { operation: 'close', run };
    }
  }

  /** Goes on with what the function answered to a request of this execution; an answer to an earlier state changes nothing. */
  answered(request: MigrateRequest, answer: unknown, start: Start): void {
    if (this.status !== 'RUNNING' || !isDeepStrictEqual(request, this.request())) {
      return;
    }
    if ((answer as { state?: string }).state === 'continued') {
      this.#run = { ...this.#run, part: this.#run.part + 1 };
      this.code = this.input.background === undefined ? this.code : undefined; // a release keeps what it began with
      this.#place = { at: 'open' };
    } else if (this.#place.at === 'open') {
      this.#next((answer as Opened).migrations);
    } else if (this.#place.at === 'close') {
      this.status = 'SUCCEEDED';
      this.result = (answer as Extract<Closed, { state: 'succeeded' }>).result;
      this.#place = { at: 'end' };
    } else if (this.#place.at === 'pending' || this.#place.at === 'batches') {
      this.#afterMigration(this.#place, answer as Pending | Slice | NotBegun, start);
    }
  }

  #afterMigration(
    { left }: { readonly left: readonly string[] },
    answer: Pending | Slice | NotBegun,
    start: Start,
  ): void {
    switch (answer.state) {
      case 'pending':
      case 'more':
        this.#place = { at: 'batches', left };
        return;
      case 'wait':
        this.#place = { at: 'pending', left };
        return;
      case 'start':
        start(answer.input);
        this.#next(left.slice(1));
        return;
      case 'done':
      case 'skipped':
      case 'background':
      case 'paused':
        this.#next(left.slice(1));
        return;
      default:
        throw new Error(`no state of the model follows ${JSON.stringify(answer)}`);
    }
  }

  #next(left: readonly string[]): void {
    this.#place = left.length === 0 ? { at: 'close' } : { at: 'pending', left };
  }

  /** Ends as failed: what the machine does once it has told the function. */
  failed(error: string): void {
    this.status = 'FAILED';
    this.error = error;
    this.#place = { at: 'end' };
  }

  /** What the function is told of a failure. */
  failure(error: string, cause: string): MigrateRequest {
    return { operation: 'fail', run: this.#run, error, cause, last_try: false };
  }

  stop(): void {
    this.status = 'ABORTED';
  }

  /** Goes on in the state in which it was stopped; a run that waited for a part starts that part anew. */
  redrive(): void {
    this.status = 'RUNNING';
    this.#run = { ...this.#run, redrive_count: this.#run.redrive_count + 1 };
    if (this.#run.part > 1) {
      this.#place = { at: 'open' };
    }
  }
}
