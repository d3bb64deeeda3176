import type { Database } from '../database/data-api.ts';
import type { Key, Table } from '../database/table.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { StatementTime } from '../ledger/move.ts';

/** What a batch works with. */
export interface BatchInput {
  readonly database: Database;
  readonly table: Table;
  readonly at: Checkpoint;
  /** Working time not yet in the ledger, and the time that a row takes, to be kept there, in seconds. */
  readonly seconds: number;
  readonly secondsPerRow: number | null;
  /** What the batch before has read ahead. */
  readonly readAhead?: ReadAhead;
  /** Nothing is to be read ahead: rows that a trial has not looked at before are not transformed while it locks others. */
  readonly readsNoFurther?: true;
}

/** The page after a key, being read while the one before it is written. */
export interface ReadAhead {
  readonly after: Key;
  readonly size: number;
  /** What the kind of migration has made of the page so far: nobody else looks into it. */
  readonly prepared: Promise<unknown>;
}

/** Which rows a batch takes: so many after the cursor, just the next one, or some behind the cursor, which then stays. */
export type Page = { readonly size: number } | { readonly next: Key } | { readonly keys: readonly Key[] };

/** What a batch did. Undefined instead: the claim or the checkpoint was not ours any more, and nothing was done. */
export interface Batch {
  readonly at: Checkpoint;
  /** Rows looked at. */
  readonly rows: number;
  /** What the statement took that changed the rows; left out where none did. */
  readonly time?: StatementTime;
  /** Bytes a row takes in a result page; 0 where no rows travel. */
  readonly bytesPerRow: number;
  /** The page reached the end of the table. */
  readonly passEnded: boolean;
  readonly readAhead?: ReadAhead;
}

/** A pause, and why. */
export interface Rest {
  readonly seconds: number;
  /** In words, where there is more to say than that batches leave room for others. */
  readonly reason?: string;
  /** It need not follow its batch: those of several batches make a long one, in which no Lambda is paid for sleeping. */
  readonly addsUp?: boolean;
  /** Under pressure: for how long batches have been held before this pause, in seconds. */
  readonly heldSeconds?: number;
}
