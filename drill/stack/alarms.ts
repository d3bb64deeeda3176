import { listLag, secondsBetweenLooks } from '../../functions/watch/look.ts';
import { type AlarmName, alarmNames } from '../../infra/operations/alarm-names.ts';
import { CloudWatch } from '../../local/cloudwatch/cloudwatch.ts';
import type { LambdaFunction } from '../../local/lambda/function.ts';
import type { Runtime } from '../../local/runtime.ts';
import { until } from '../until.ts';

export interface AlarmsOptions {
  readonly alarms: Runtime['alarms'];
  readonly watcher: LambdaFunction;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The alarms of the stack, and the watcher that sends some of their metrics. */
export class Alarms {
  /** Off, nobody looks: as when somebody has disabled the watcher's rule. */
  isWatched = true;
  readonly #cloudWatch: CloudWatch;
  readonly #watcher: LambdaFunction;
  readonly #now: () => number;
  readonly #lines: { readonly line: string; readonly later: number }[] = [];
  #looks = 0;
  #nextLook = 0;
  #since = Date.now();

  constructor({ alarms, watcher, now }: AlarmsOptions) {
    this.#cloudWatch = new CloudWatch(alarms);
    this.#watcher = watcher;
    this.#now = now;
  }

  /** Takes a line that a function has written. */
  take(line: string): void {
    this.#lines.push({ line, later: this.#now() - Date.now() });
    // The one metric that each look sends.
    this.#looks += line.includes('"FollowUpsFailed"') ? 1 : 0;
  }

  /** From now on, the watcher looks for what fails after this moment. */
  forget(): void {
    this.#since = Date.now();
  }

  /** Has the watcher look, if it is time for that, and says which alarms are in the state ALARM. */
  async goingOff(): Promise<readonly AlarmName[]> {
    if (this.isWatched && this.#now() >= this.#nextLook) {
      await this.look();
    }
    for (const { line, later } of this.#lines.splice(0)) {
      this.#cloudWatch.take(line, later);
    }
    const names = this.#cloudWatch.goingOff(this.#now());
    return alarmNames.filter((name) => names.some((each) => each.endsWith(`-${name}`)));
  }

  /** Has the watcher look before it is time. */
  async look(): Promise<void> {
    const looks = this.#looks;
    // Step Functions keeps real time, so the look is due when all since then is in the window that it looks at.
    const time = new Date(this.#since + listLag + secondsBetweenLooks * 1_000).toISOString();
    const outcome = await this.#watcher.invoke({ time });
    if (outcome.status === 'failed') {
      throw new Error(`the watcher failed: ${outcome.error.errorMessage}`);
    }
    this.#nextLook = this.#now() + secondsBetweenLooks * 1_000;
    // What a function writes may arrive a moment after its answer.
    await until('the watcher has sent its metrics', async () => this.#looks > looks);
  }
}
