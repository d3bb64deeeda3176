import type { Row, Statements } from '../../functions/engine/database/data-api.ts';
import { identifier, join, sql, tableName, unsafeSql, when } from '../../functions/engine/database/sql.ts';
import { DatabaseError, MigrationFailed, messageOf } from '../../functions/engine/errors.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Projection, State, StoredEvent } from '../projections/projection.ts';
import { heldRebuild, type RebuildProgress } from './progress.ts';
import {
  defaultsOf,
  leavesOutDefaults,
  readStates,
  type StateColumns,
  stateColumns,
  wholeState,
  writeStates,
} from './states.ts';

/** What one page of events did; undefined if the claim was not ours any more, and nothing was done. */
export interface ReplayedPage {
  readonly at: RebuildProgress;
  readonly events: number;
  readonly bytesPerRow: number;
}

/** Replays the next page of events, up to the horizon: states and progress are committed together, or not at all. */
export async function replayPage(
  database: Statements,
  projection: Projection,
  at: RebuildProgress,
  size: number,
): Promise<ReplayedPage | undefined> {
  const columns = await stateColumns(database, projection);
  const { events, bytes } = await readEvents(database, projection, at, size);
  const states = await replayedStates(database, projection, columns, events);
  const last = events.at(-1);
  const position = last === undefined ? at.horizon : BigInt(last.position);
  const [written] = await database.query(
    sql`
    WITH ${heldRebuild(at)}
    ${when(states.length > 0, sql`, written AS (${writeStates(projection, columns, states, unsafeSql('held'))})`)}
    UPDATE ${ledger.rebuilds} r
    SET batches = r.batches + 1, position = ${String(position)}::bigint, events = r.events + ${events.length}
    FROM held WHERE r.job = held.job
    RETURNING r.job`,
    {},
  );
  if (!written) {
    return undefined;
  }
  return {
    at: { ...at, batches: at.batches + 1, position, events: at.events + events.length },
    events: events.length,
    bytesPerRow: events.length === 0 ? 0 : bytes / events.length,
  };
}

async function readEvents(database: Statements, { log }: Projection, at: RebuildProgress, size: number) {
  const position = identifier(log.position);
  const columns = log.columns.map((name) =>
    log.bytes.includes(name) ? identifier(name) : sql`${identifier(name)}::text AS ${identifier(name)}`,
  );
  // The table's own position, since the one that is selected is text.
  const own = sql`${tableName(log.table)}.${position}`;
  const { rows, bytes } = await database.read(sql`
    SELECT ${own}::text AS position, ${join(columns, ', ')} FROM ${tableName(log.table)}
    WHERE ${own} > ${String(at.position)}::bigint AND ${own} <= ${String(at.horizon)}::bigint
    ORDER BY ${own} LIMIT ${size}`);
  const events = rows.map((row) => ({ ...row, ...asBytes(row, log.bytes) })) as StoredEvent[];
  return { events, bytes };
}

function asBytes(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(
    columns.map((name) => [name, row[name] === null ? null : Buffer.from(String(row[name]), 'base64')]),
  );
}

/** What the events make of the states of those whom they concern. */
async function replayedStates(
  database: Statements,
  projection: Projection,
  columns: StateColumns,
  events: readonly StoredEvent[],
): Promise<State[]> {
  const { entity } = projection;
  const states = await readStates(
    database,
    projection,
    columns,
    events.map((event) => event[entity] ?? null),
  );
  let defaults: State[] | undefined;
  for (const [i, event] of events.entries()) {
    const key = String(event[entity]);
    try {
      const state = projection.apply(states.get(key), event);
      if (leavesOutDefaults(columns, state)) {
        defaults ??= await defaultsOf(database, columns, events.length);
      }
      states.set(key, wholeState(projection, columns, state, defaults?.[i]));
    } catch (error) {
      throw error instanceof DatabaseError ? error : notApplied(projection, event, error);
    }
  }
  return [...states.values()];
}

function notApplied({ job, log, entity }: Projection, event: StoredEvent, cause: unknown): MigrationFailed {
  return new MigrationFailed(
    `${job}: the event at position ${event.position} of ${log.table} (${entity} ${event[entity]}) cannot be applied: ` +
      `${messageOf(cause)}. Correct the event or the projection and start the rebuild again; until then the old ` +
      'projection stays',
    { cause },
  );
}
