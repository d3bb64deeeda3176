import { render, type Sql } from '../database/sql.ts';

/** What the statements of a sandbox have taken so far, apart from what keeps its transaction alive. */
export interface Meter {
  readonly calls: number;
  /** Bytes of the values sent, and of the JSON received: what grows with the rows. */
  readonly sent: number;
  readonly received: number;
  /** Seconds spent on savepoints, which the same statements outside would not need. */
  readonly overhead: number;
  /** The shortest way to the database and back, in seconds: what the quickest savepoint took. */
  readonly roundTrip: number;
}

/** Keeps the meter of one sandbox. */
export class CallMeter {
  #now: () => number;
  #meter = { calls: 0, sent: 0, received: 0, overhead: 0, roundTrip: Number.POSITIVE_INFINITY };

  /** `now` is a clock in seconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  read(): Meter {
    return { ...this.#meter };
  }

  /** Counts a statement, what it sends, and what `size` says that it received. */
  async count<T>(statement: Sql, call: () => Promise<T>, size: (answer: T) => number = () => 0): Promise<T> {
    this.#meter.calls += 1;
    const answer = await call();
    this.#meter.sent += sizeOf(statement);
    this.#meter.received += size(answer);
    return answer;
  }

  /** Times a call that only the sandbox needs. */
  async overhead(call: () => Promise<void>): Promise<void> {
    const begun = this.#now();
    await call();
    const seconds = this.#now() - begun;
    this.#meter.overhead += seconds;
    this.#meter.roundTrip = Math.min(this.#meter.roundTrip, seconds);
  }
}

function sizeOf(statement: Sql): number {
  return render(statement).parameters.reduce((sum, { value }) => sum + String(value).length, 0);
}
