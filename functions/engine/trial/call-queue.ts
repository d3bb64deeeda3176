import { DatabaseError } from '../errors.ts';

/** Lets calls through one at a time, as a transaction takes them: a rewrite that reads ahead has to wait for its turn. */
export class CallQueue {
  #last: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  /** Makes the call once all before it have ended. Throws DatabaseError, the moment's fault, after the end. */
  take<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => {
      if (this.#hasEnded) {
        throw new DatabaseError('the transaction has ended', 'moment', null);
      }
      return call();
    });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Waits for the call that is under way; those behind it fail. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#last;
  }
}
