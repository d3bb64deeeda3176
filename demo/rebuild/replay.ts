import type { Row, Statements } from '../../functions/engine/database/data-api.ts';
import { identifier, join, type Sql, sql, tableName, when } from '../../functions/engine/database/sql.ts';
import { MigrationFailed, messageOf } from '../../functions/engine/errors.ts';
import { ledger } from '../../functions/engine/ledger/names.ts';
import type { Projection, State, StoredEvent } from '../projections/projection.ts';
import { freshTable } from './prepare.ts';
import { heldRebuild, type RebuildProgress } from './progress.ts';

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
  const { events, bytes } = await readEvents(database, projection, at, size);
  const states = await readStates(database, projection, events);
  for (const event of events) {
    const entity = String(event[projection.entity]);
    try {
      states.set(entity, projection.apply(states.get(entity), event));
    } catch (error) {
      throw new MigrationFailed(
        `${projection.job}: the event at position ${event.position} of ${projection.log.table} cannot be applied: ` +
          `${messageOf(error)}. Correct the event or the projection and start the rebuild again; until then the old ` +
          'projection stays',
        { cause: error },
      );
    }
  }
  const position = events.at(-1)?.position ?? at.horizon;
  const [written] = await database.query(
    writeStates(projection, at, { states: [...states.values()], position, events: events.length }),
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
  const { rows, bytes } = await database.read(sql`
    SELECT ${position} AS position, ${join(columns, ', ')} FROM ${tableName(log.table)}
    WHERE ${position} > ${at.position} AND ${position} <= ${at.horizon}
    ORDER BY ${position} LIMIT ${size}`);
  const events = rows.map((row) => ({ ...row, ...asBytes(row, log.bytes) })) as StoredEvent[];
  return { events, bytes };
}

function asBytes(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((name) => [name, Buffer.from(String(row[name]), 'base64')]));
}

/** The states, so far, of those whom the events concern. */
async function readStates(
  database: Statements,
  projection: Projection,
  events: readonly StoredEvent[],
): Promise<Map<string, State>> {
  if (events.length === 0) {
    return new Map();
  }
  const entity = identifier(projection.entity);
  const fresh = freshTable(projection);
  const entities = [...new Set(events.map((event) => event[projection.entity]))];
  const asked = JSON.stringify(entities.map((value) => ({ [projection.entity]: value })));
  const { rows } = await database.read(sql`
    SELECT to_jsonb(fresh)::text AS state FROM ${fresh} AS fresh
    WHERE fresh.${entity} IN (SELECT asked.${entity} FROM jsonb_populate_recordset(NULL::${fresh}, ${asked}::jsonb) AS asked)`);
  const states = rows.map((row) => JSON.parse(String(row.state)) as State);
  return new Map(states.map((state) => [String(state[projection.entity]), state]));
}

/** What a page of events made of the states, up to which position, and how many they were. */
interface ReplayedStates {
  readonly states: readonly State[];
  readonly position: number;
  readonly events: number;
}

function writeStates(
  projection: Projection,
  at: RebuildProgress,
  { states, position, events }: ReplayedStates,
): Sql {
  const fresh = freshTable(projection);
  const columns = Object.keys(states[0] ?? {}).map((name) => identifier(name));
  const assignments = columns.map((name) => sql`${name} = excluded.${name}`);
  return sql`
    WITH ${heldRebuild(at)}
    ${when(
      states.length > 0,
      sql`, written AS (
        INSERT INTO ${fresh} (${join(columns, ', ')})
        SELECT ${join(
          columns.map((name) => sql`state.${name}`),
          ', ',
        )}
        FROM held, jsonb_populate_recordset(NULL::${fresh}, ${JSON.stringify(states)}::jsonb) AS state
        ON CONFLICT (${identifier(projection.entity)}) DO UPDATE SET ${join(assignments, ', ')}
      )`,
    )}
    UPDATE ${ledger.rebuilds} r
    SET batches = r.batches + 1, position = ${position}, events = r.events + ${events}
    FROM held WHERE r.job = held.job
    RETURNING r.job`;
}
