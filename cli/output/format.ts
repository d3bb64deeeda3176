import { DateTime } from 'luxon';

/** A moment as people here read it: `2026-11-22 02:05`, in their own time zone. */
export function localTime(iso: string | null | undefined): string {
  return iso ? DateTime.fromISO(iso).toFormat('yyyy-LL-dd HH:mm') : '';
}

/** A number with its thousands apart. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}
