import { readPayload } from '../application/event-payload.ts';
import type { Projection, State, StoredEvent } from './projection.ts';

/** Who works where as what: one row for each employee, from the employee events, in whichever form they are stored. */
export const employeeProjection: Projection = {
  job: 'rebuild-employee-projections',
  table: 'employee_projection',
  entity: 'employee_id',
  log: {
    table: 'employee_events',
    position: 'position',
    columns: ['employee_id', 'type', 'payload', 'encoding'],
    bytes: ['payload'],
  },
  apply: (state, event) => ({
    ...applied(state, event),
    events: Number(state?.events ?? 0) + 1,
    last_position: event.position,
  }),
};

function applied(state: State | undefined, event: StoredEvent): State {
  const payload = readPayload(event.payload as Uint8Array, String(event.encoding)) as Record<string, string>;
  const { name = null, title = null, office = null, on = null } = payload;
  if (event.type === 'hired') {
    return {
      employee_id: String(event.employee_id),
      name,
      title,
      office,
      status: 'employed',
      hired_on: on,
      left_on: null,
    };
  }
  if (state === undefined) {
    throw new TypeError(`"${event.type}" of an employee who was never hired`);
  }
  switch (event.type) {
    case 'renamed':
      return { ...state, name };
    case 'moved':
      return { ...state, office };
    case 'promoted':
      return { ...state, title };
    case 'left':
      return { ...state, status: 'left', left_on: on };
    default:
      throw new TypeError(`no such event: "${event.type}"`);
  }
}
