/** As much of a database as its clock needs. */
interface Clocked {
  readonly name: string;
  query(sql: string, values?: readonly unknown[]): Promise<unknown>;
}

/** The clock of a database, for who cannot wait for as long as somebody in it waits. */
export interface DatabaseClock {
  /** Sets `now()` forward, for all that asks it from now on. How long a session has waited for a lock stays real. */
  forward(seconds: number): Promise<void>;
}

/** Gives a database a clock that can be set forward. Sessions that are open already keep the real one. */
export async function databaseClock(database: Clocked): Promise<DatabaseClock> {
  // A schema that stands before the catalog's in the search path.
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
