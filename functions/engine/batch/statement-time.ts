import type { Table } from '../database/table.ts';
import type { Batch } from '../define/batch.ts';
import type { StatementTime } from '../ledger/move.ts';

/**
 * What of a batch's time its statement took and held locks, as far as it can say so. Where something works behind it, the batch is taken for
 * having held them all the time: so it stays small, and has no other lanes beside it unless somebody asks for them.
 */
export function timeOf(
  { worksAfterUpdate }: Table,
  { time }: { readonly time: StatementTime },
): Pick<Batch, 'time'> {
  return worksAfterUpdate ? {} : { time };
}
