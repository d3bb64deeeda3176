import { rewrite, sql } from '../../functions/index.ts';
import { type Encoding, readPayload, writePayload } from '../application/event-payload.ts';

/** Rewrites event payloads from JSON text to CBOR, a quarter smaller. The projection must be rebuilt from them. */
export const employeeEventPayloads = rewrite<{ payload: Uint8Array; encoding: Encoding }>({
  name: 'employee-event-payloads',
  table: 'employee_events',
  key: 'position',
  columns: ['payload', 'encoding'],
  where: sql`encoding = 'json'`,
  transform: ({ payload, encoding }) => writePayload(readPayload(payload, encoding)),
  rebuilds: ['rebuild-employee-projections'],
});
