import type { TestDatabase } from './database.ts';

/** The clock of a database, for a test in which somebody waits for longer than a test may take. */
export interface DatabaseClock {
  /** Sets `now()` forward, for all that asks it from now on. How long a session has waited for a lock stays real. */
  forward(seconds: number): Promise<void>;
}

/** Gives a database a clock that can be set forward. Sessions that are open already keep the real one. */
export async function databaseClock(database: TestDatabase): Promise<DatabaseClock> {
  // A schema that stands before the catalog's, as `load-signals.test.ts` does it.
  await database.query(`
    CREATE SCHEMA ahead;
    CREATE TABLE ahead.clock (seconds float8 NOT NULL);
    INSERT INTO ahead.clock VALUES (0);
    CREATE FUNCTION ahead.now() RETURNS timestamptz LANGUAGE sql STABLE AS
      $$ SELECT pg_catalog.now() + seconds * interval '1 s' FROM ahead.clock $$`);
  await database.query(`ALTER DATABASE "${database.name}" SET search_path = ahead, pg_catalog, public`);
  return {
    async forward(seconds) {
      await database.query('UPDATE ahead.clock SET seconds = seconds + $1', [seconds]);
    },
  };
}
