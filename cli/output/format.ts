import { DateTime } from 'luxon';
import type { Pause } from '../../functions/engine/ledger/controls.ts';

/** A moment as people here read it: `2026-11-22 02:05`, in their own time zone. */
export function localTime(iso: string | null | undefined): string {
  return iso ? DateTime.fromISO(iso).toFormat('yyyy-LL-dd HH:mm') : '';
}

/** A number with its thousands apart. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** So many of something: `1 row`, `1,200 rows`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : several}`;
}

/** Who paused a migration, when and why. */
export function pauseText({ by, at, reason }: Pause): string {
  return `paused by ${by} at ${localTime(at)}${reason === null ? '' : `: ${reason}`}`;
}
