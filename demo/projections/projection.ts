import type { Row } from '../../functions/engine/database/data-api.ts';

/**
 * A row of a projection, by column name, in JSON's types. Of a column of int8 or numeric, an event finds text, however small the
 * number is: JavaScript would round those beyond 2^53. Such a column may be given text, a bigint, or a number that is exact.
 */
export type State = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** An event as it is read from the log: bytea is a Uint8Array, everything else is text, `position` too. */
export type StoredEvent = Row & { readonly position: string };

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
  /**
   * The entity's state after an event: the whole row, whichever columns other states have. A column of the table that it leaves out, or
   * has as undefined, gets its default as in an INSERT, or NULL if it has none, and the next event of this entity finds that. Columns that
   * the database generates are neither seen nor returned. Throws for an event that makes no sense: the rebuild then fails and names
   * it, as it does for a state with a column that the table does not have, or a number that may have been rounded.
   */
  readonly apply: (state: State | undefined, event: StoredEvent) => State;
}
