import { RdsDataError } from './errors.ts';

/** Aurora's auto-pause. */
export interface Pausable {
  pause(options: { readonly resumeSeconds: number }): void;
  /** Throws while the database sleeps or wakes. The first call after a pause wakes it. */
  check(): void;
}

/** A database that is awake until it is paused. */
export function pausable(): Pausable {
  let resumeSeconds: number | undefined;
  let awakeAt = 0;
  return {
    pause(options) {
      resumeSeconds = options.resumeSeconds;
    },
    check() {
      if (resumeSeconds !== undefined) {
        awakeAt = Date.now() + resumeSeconds * 1000;
      }
      resumeSeconds = undefined;
      if (Date.now() >= awakeAt) {
        return;
      }
      throw new RdsDataError(
        'DatabaseResumingException',
        'The Aurora DB instance is resuming after being auto-paused. Please wait a few seconds and try again.',
      );
    },
  };
}
