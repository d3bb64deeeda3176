import { backfill, emailFormat, sql } from 'serverless-data-migrations';

/**
 * Writes addresses down as they are compared, under a unique index. Of several that are the same, the first one keeps its address; the others are
 * row errors, for somebody to decide whose it is.
 */
export const emailAddressesNormalized = backfill({
  name: 'email-addresses-normalized',
  table: 'email_addresses',
  key: 'id',
  where: sql`normalized_address IS NULL`,
  set: { normalized_address: sql`lower(btrim(address))` },
  validate: [emailFormat('normalized_address')],
  onInvalid: 'report',
  window: { from: '22:00', to: '06:00', timeZone: 'Europe/Paris' },
});
