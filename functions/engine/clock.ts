/** Time in seconds, for whatever waits or measures: a test hands in its own. */
export interface Clock {
  readonly now: () => number;
  /** Milliseconds since 1970: what a clock on the wall is about. */
  readonly date: () => number;
  readonly sleep: (seconds: number) => Promise<void>;
}

/** Real time. */
export const lambdaClock: Clock = {
  now: () => performance.now() / 1_000,
  date: () => Date.now(),
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000)),
};
