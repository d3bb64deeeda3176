/** One event, as GetExecutionHistory answers it. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly type: string;
  readonly timestamp: Date;
  /** Under the name that belongs to the type, such as `taskScheduledEventDetails`. */
  readonly [details: `${string}EventDetails`]: EventDetails;
}

export type EventDetails = Readonly<Record<string, unknown>>;

/** Event 25,000 is always the one that ends the execution. */
export const historyLimit = 25_000;

/** What an execution did, in order. */
export class History {
  readonly #events: HistoryEvent[] = [];

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  get length(): number {
    return this.#events.length;
  }

  /** Appends an event and answers its id. */
  add(type: string, previousEventId: number, details?: EventDetails): number {
    const id = this.#events.length + 1;
    const named = details && { [detailsName(type)]: details };
    this.#events.push({ id, previousEventId, type, timestamp: new Date(), ...named });
    return id;
  }
}

function detailsName(type: string): `${string}EventDetails` {
  const [, change] = /State(Entered|Exited)$/.exec(type) ?? [];
  const name = change === undefined ? type : `State${change}`;
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}EventDetails`;
}

/** Drops inputs and outputs, as for `includeExecutionData: false`. */
export function withoutData(event: HistoryEvent): HistoryEvent {
  const kept = Object.entries(event).map(([name, value]) =>
    name.endsWith('EventDetails') ? [name, strip(value as EventDetails)] : [name, value],
  );
  return Object.fromEntries(kept) as HistoryEvent;
}

function strip({ input, inputDetails, output, outputDetails, ...rest }: EventDetails): EventDetails {
  return rest;
}
