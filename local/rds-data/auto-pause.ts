import { RdsDataError } from './errors.ts';

/** Aurora's auto-pause: after some idle time the database sleeps, and the next call wakes it. */
export interface AutoPause {
  /**
   * Puts the database to sleep.
   *
   * @param options.resumeSeconds How long waking it takes; Aurora takes 10 to 30 s.
   */
  pause(options: { readonly resumeSeconds: number }): void;
  /**
   * Wakes the database if it sleeps.
   *
   * @throws DatabaseResumingException until it is awake.
   */
  wake(): void;
}

/** A database that is awake until it is paused. */
export function autoPause(): AutoPause {
  let resumeMs: number | undefined; // set while it sleeps
  let awakeAt = 0;
  return {
    pause({ resumeSeconds }) {
      resumeMs = resumeSeconds * 1000;
    },
    wake() {
      if (resumeMs !== undefined) {
        awakeAt = Date.now() + resumeMs;
        resumeMs = undefined;
      }
      if (Date.now() < awakeAt) {
        throw new RdsDataError(
          'DatabaseResumingException',
          'The Aurora DB instance is resuming after being auto-paused. Please wait a few seconds and try again.',
        );
      }
    },
  };
}
