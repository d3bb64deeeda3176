import { expect } from 'vitest';
import { stalledAfter } from '../../functions/engine/ledger/stalled.ts';
import { listLag, secondsBetweenLooks } from '../../functions/watch/look.ts';
import { CloudWatch } from '../../local/cloudwatch/cloudwatch.ts';
import type { TestRuntime } from './runtime.ts';

/** The watcher and the alarms of a system, with a hand on the time. */
export interface Looks {
  readonly cloudwatch: CloudWatch;
  /** Lets the watcher look, takes its metrics and those of everybody, and names the alarms that go off, without the stack's name. */
  goingOff(): Promise<readonly string[]>;
  /** Takes what will be sent for sent five minutes later: for alarms that go off when something lasts. */
  fiveMinutesLater(): void;
  /** Lets the next look be due so many seconds later: for what the watcher knows from the clock, as the database's can be put forward. */
  dueLater(seconds: number): void;
}

/** When a look is due that looks at what ends in the five minutes after `begin`, in milliseconds since 1970. */
const lookAfter = (begin: number): string =>
  new Date(begin + listLag + secondsBetweenLooks * 1_000).toISOString();

/** Looks at what ends from now on, and takes for metrics all that the functions write. */
export function looksAt(chain: TestRuntime): Looks {
  const cloudwatch = new CloudWatch(chain.alarms);
  const begin = Date.now();
  let taken = 0;
  let later = 0;
  let due = begin;
  const take = () => {
    for (; taken < chain.log.length; taken += 1) {
      cloudwatch.take(chain.log[taken] as string, later);
    }
  };
  return {
    cloudwatch,
    async goingOff() {
      const sent = () => chain.log.filter((line) => line.includes('"FollowUpsFailed"')).length;
      const before = sent();
      await chain.invoke('watch', { time: lookAfter(due) });
      // What a function writes may arrive a moment after its answer.
      await expect.poll(sent).toBe(before + 1);
      take();
      return cloudwatch
        .goingOff(Date.now() + later)
        .map((name) => name.replace(/^data-migrations(-staging)?-/, ''));
    },
    fiveMinutesLater() {
      take();
      later += 300_000;
    },
    dueLater(seconds) {
      due += seconds * 1_000;
    },
  };
}

/** Longer than a migration may go without a batch, in seconds. */
export const tooLong = stalledAfter + 60;
