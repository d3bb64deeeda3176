import { type Sql, sql } from './sql.ts';

/**
 * The first statement of a transaction that locks what the application uses. It waits 2 s at most for a lock. A Lambda that is alive
 * asks again within milliseconds, or after `thinkingSeconds` where it works on what it has read. One that was killed would leave its
 * locks to the Data API, which ends an idle transaction after three minutes, and so would a call that broke off while its statement
 * ran, since a ROLLBACK is refused meanwhile: the server does after 5 s more.
 */
export function limited(thinkingSeconds = 0): Sql {
  const idle = `${Math.ceil(thinkingSeconds + 5)}s`;
  return sql`
    SELECT set_config('lock_timeout', '2s', true), set_config('idle_in_transaction_session_timeout', ${idle}, true)`;
}
