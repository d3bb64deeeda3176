import { Failure } from '../failure.ts';
import type { EventDetails } from '../interpreter/running-execution.ts';
import { maxHistoryEvents } from '../quotas.ts';

/** One event, as GetExecutionHistory answers it. */
export interface HistoryEvent {
  /** Counts from 1. */
  readonly id: number;
  /** The event that this one follows; 0 for none. */
  readonly previousEventId: number;
  /** `TaskScheduled`, `MapStateEntered`, … */
  readonly type: string;
  readonly timestamp: Date;
  /** The details, under the name that belongs to the type, such as `taskScheduledEventDetails`. */
  readonly [details: `${string}EventDetails`]: EventDetails;
}

/** The events of one execution, in their order. */
export class History {
  readonly #events: HistoryEvent[] = [];

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  /** The id of the latest event. */
  get latest(): number {
    return this.#events.length;
  }

  /** Whether there is room for one event only: the one that ends the execution, which always has the last place. */
  get isFull(): boolean {
    return this.#events.length + 1 >= maxHistoryEvents;
  }

  /** Whether there is room for a redrive, which needs two events: its own, and the one that ends it. */
  get hasRoomForRedrive(): boolean {
    return this.#events.length + 2 <= maxHistoryEvents;
  }

  /** Appends an event and returns its id. */
  add(type: string, previousEventId: number, details?: EventDetails): number {
    const id = this.#events.length + 1;
    const named = details && { [detailsName(type)]: details };
    this.#events.push({ id, previousEventId, type, timestamp: new Date(), ...named });
    return id;
  }
}

/** What an execution fails with when its history is full. */
export const historyFull = new Failure(
  'States.Runtime',
  `The execution reached the maximum number of history events (${maxHistoryEvents}).`,
);

/** All types of state share two names: `stateEnteredEventDetails` and `stateExitedEventDetails`. */
function detailsName(type: string): `${string}EventDetails` {
  const [, change] = /State(Entered|Exited)$/.exec(type) ?? [];
  const name = change === undefined ? type : `State${change}`;
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}EventDetails`;
}

/** An event without inputs and outputs, for `includeExecutionData: false`. */
export function withoutData(event: HistoryEvent): HistoryEvent {
  const copy = { ...event };
  for (const name of Object.keys(event)) {
    if (isDetailsName(name)) {
      const { input, inputDetails, output, outputDetails, ...rest } = event[name] ?? {};
      Object.assign(copy, { [name]: rest });
    }
  }
  return copy;
}

function isDetailsName(name: string): name is `${string}EventDetails` {
  return name.endsWith('EventDetails');
}
