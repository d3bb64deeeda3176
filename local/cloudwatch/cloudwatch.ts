import { type AlarmSpec, type AlarmState, stateOf } from './alarm.ts';
import type { Datapoint } from './datapoint.ts';
import { datapointsIn } from './embedded-metrics.ts';

/**
 * As much of CloudWatch as alarms need: it takes what functions write, finds the metrics in it, and says which alarms go off. It has no
 * clock: whoever asks says for which moment.
 */
export class CloudWatch {
  readonly #alarms: readonly AlarmSpec[];
  readonly #datapoints: Datapoint[] = [];
  readonly #states: Map<string, AlarmState>;

  constructor(alarms: readonly AlarmSpec[]) {
    this.#alarms = alarms;
    this.#states = new Map(alarms.map(({ name }) => [name, 'INSUFFICIENT_DATA']));
  }

  /**
   * Takes a line of a function's log. Throws for metrics that CloudWatch would drop.
   *
   * @param later How much later than it was it is taken for, in milliseconds.
   */
  take(line: string, later = 0): void {
    this.#datapoints.push(...datapointsIn(line).map((each) => ({ ...each, at: each.at + later })));
  }

  /** Takes a datapoint of AWS's own, which no function writes. */
  put(datapoint: Datapoint): void {
    this.#datapoints.push(datapoint);
  }

  /** All that it was given. */
  get datapoints(): readonly Datapoint[] {
    return this.#datapoints;
  }

  /**
   * Evaluates the alarms.
   *
   * @param at Milliseconds since 1970.
   * @returns the names of those in the state ALARM.
   */
  goingOff(at: number): readonly string[] {
    for (const alarm of this.#alarms) {
      const before = this.#states.get(alarm.name) ?? 'INSUFFICIENT_DATA';
      this.#states.set(alarm.name, stateOf(alarm, this.#datapoints, at, before));
    }
    return [...this.#states].flatMap(([name, state]) => (state === 'ALARM' ? [name] : []));
  }
}
