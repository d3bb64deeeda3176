import { type Sql, sql, unsafeSql } from '../database/sql.ts';

/** How a migration stands in the ledger. It has no line there before it first begins. */
export const statuses = ['running', 'failed', 'finished', 'restoring', 'restored'] as const;
export type Status = (typeof statuses)[number];

/** Every move of a migration from one status to another. The conditions in SQL are made from this table, and from nothing else. */
export const moves = {
  /** A run takes it up where it stands: after a stop, a crash or a failure it goes on from its checkpoint. */
  begin: { from: ['running', 'failed'], to: 'running' },
  /** Rows in the old form have come in since, or its rows were put back: it starts over, and its condition leaves the others alone. */
  beginAnew: { from: ['finished', 'restored'], to: 'running' },
  /** Somebody has corrected rows that were recorded as bad, and asked for them to be tried again. */
  retry: { from: ['running', 'failed', 'finished'], to: 'running' },
  /** Its run failed or was stopped, it was paused, or its run has retried the bad rows of a migration that is not finished. */
  breakOff: { from: ['running'], to: 'failed' },
  /** All its batches are done, and its validations passed or are only reported. */
  finish: { from: ['running'], to: 'finished' },
  /** A validation failed, and `onInvalid` says that the rows are then put back. */
  invalidate: { from: ['running'], to: 'restoring' },
  /** Somebody asked for its rows to be put back. Restoring goes on until all of them are: half of them would be no use. */
  restore: { from: ['running', 'failed', 'finished', 'restoring'], to: 'restoring' },
  /** The undo journal has been walked through. */
  endRestore: { from: ['restoring'], to: 'restored' },
} as const satisfies Record<string, { readonly from: readonly Status[]; readonly to: Status }>;

export type Move = keyof typeof moves;

/** Batches may be under way, with a claim. */
const underWay: readonly Status[] = ['running', 'restoring'];

/** A condition over the migration's line `m`: this move may be made. */
export function may(move: Move): Sql {
  return isOneOf(moves[move].from);
}

/** A condition over the migration's line `m`: an invocation may be at work on it. */
export function isUnderWay(): Sql {
  return isOneOf(underWay);
}

/** An assignment for the migration's line `m`: makes the move, where `may` is asked in the same statement's condition. */
export function make(move: Move): Sql {
  return sql`status = ${literal(moves[move].to)}`;
}

/** An assignment for the migration's line `m`: makes the move if it may be made and the condition holds; else the status stays. */
export function makeIf(move: Move, condition: Sql = sql`true`): Sql {
  return sql`status = CASE WHEN ${may(move)} AND ${condition} THEN ${literal(moves[move].to)} ELSE m.status END`;
}

const literal = (status: Status): Sql => unsafeSql(`'${status}'`);

const isOneOf = (some: readonly Status[]): Sql =>
  unsafeSql(`m.status IN (${some.map((status) => `'${status}'`).join(', ')})`);
