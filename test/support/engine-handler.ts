import { migrate } from '../../functions/migrate/migrate.ts';

/** Bundled, never run: a test's own handler stands where the Lambda is. */
export const handler = migrate([]);
