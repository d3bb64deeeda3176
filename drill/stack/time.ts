import type { DatabaseClock } from '../../local/postgres/database-clock.ts';

const secondsInStep = 60;

/** Time that can be moved on, for the database and for CloudWatch alike. */
export class DrillTime {
  readonly #clock: DatabaseClock;
  readonly #eachMinute: () => Promise<void>;
  #movedSeconds = 0;
  #passing: Promise<void> = Promise.resolve();

  /** @param eachMinute What happens whenever a minute, or the rest of one, has passed. Time waits for it. */
  constructor(clock: DatabaseClock, eachMinute: () => Promise<void>) {
    this.#clock = clock;
    this.#eachMinute = eachMinute;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#movedSeconds * 1_000;
  }

  /** By how many seconds it is ahead of real time. */
  get movedSeconds(): number {
    return this.#movedSeconds;
  }

  /** Moves it on. Where several ask for that at once, one waits for the other. */
  pass(seconds: number): Promise<void> {
    const passed = this.#passing.then(() => this.#move(seconds));
    this.#passing = passed.catch(() => {});
    return passed;
  }

  async #move(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= secondsInStep) {
      const step = Math.min(left, secondsInStep);
      await this.#clock.forward(step);
      this.#movedSeconds += step;
      await this.#eachMinute();
    }
  }
}
