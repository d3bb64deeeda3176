import type { Statements } from '../database/data-api.ts';
import { type Sql, sql } from '../database/sql.ts';

/** What has been sent ahead in this transaction: the value of a setting, since nothing else takes text of any length, or in a block. */
export const received: Sql = sql`current_setting('data_migrations.received')`;

// Three bytes a character at most, escaped once more less than four: under the 4 MiB of a request.
const pieceLength = 1_000_000;

/** Sends a text ahead, in pieces, for a later statement of the same transaction. */
export async function sendAhead(transaction: Statements, text: string): Promise<void> {
  let start = 0;
  do {
    let end = start + pieceLength;
    // Not between the halves of a character.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) {
      end -= 1;
    }
    const piece = text.slice(start, end);
    const whole = start === 0 ? sql`${piece}` : sql`${received} || ${piece}`;
    await transaction.execute(
      sql`SELECT length(set_config('data_migrations.received', ${whole}, true)) AS length`,
    );
    start = end;
  } while (start < text.length);
}
