import type { Row } from '../../functions/engine/database/data-api.ts';

/** A row of a projection, by column name, in JSON's types. */
export type State = Readonly<Record<string, string | number | boolean | null>>;

/** An event as it is read from the log: `position` is a number, bytea a Uint8Array, everything else text. */
export type StoredEvent = Row & { readonly position: number };

/** A table that is made from an event log by replaying it, and can be made again. */
export interface Projection {
  /** The follow-up job, and state machine, that rebuilds it. */
  readonly job: string;
  readonly table: string;
  /** The column that says whose state a row is: unique in the projection, in the log of every event. */
  readonly entity: string;
  readonly log: {
    readonly table: string;
    /** Increases from event to event: a sequence. */
    readonly position: string;
    readonly columns: readonly string[];
    /** Those of the columns that are bytea. */
    readonly bytes: readonly string[];
  };
  /** The entity's state after an event. Throws for an event that makes no sense: the rebuild then fails and names it. */
  readonly apply: (state: State | undefined, event: StoredEvent) => State;
}
