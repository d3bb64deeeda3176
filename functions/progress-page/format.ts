import { DateTime } from 'luxon';
import { type Html, html } from './html.ts';

/** A number with its thousands apart. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** So many of something: `1 row`, `2,000 rows`. */
export function counted(value: number, what: string): string {
  return `${grouped(value)} ${what}${value === 1 ? '' : 's'}`;
}

/**
 * A moment in the reader's time zone, short if it is today's: `14:26`, `11-22 02:05`, `2025-12-31 23:59`.
 *
 * @param iso The moment, ISO 8601.
 * @param now The moment to which it is near or far, ISO 8601.
 */
export function moment(iso: string, now: string, zone: string): Html {
  const [at, today] = [DateTime.fromISO(iso, { zone }), DateTime.fromISO(now, { zone })];
  const format = at.hasSame(today, 'day')
    ? 'HH:mm'
    : at.hasSame(today, 'year')
      ? 'LL-dd HH:mm'
      : 'yyyy-LL-dd HH:mm';
  return html`<time datetime="${iso}" title="${at.toFormat('yyyy-LL-dd HH:mm:ss ZZZZ')}">${at.toFormat(format)}</time>`;
}

/** How long it is from one moment to another, in its two largest units: `45 s`, `3 min 20 s`, `2 d 4 h`. */
export function span(from: string, to: string): string {
  const seconds = Math.max(Math.round((Date.parse(to) - Date.parse(from)) / 1_000), 0);
  const units = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3_600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  const said = units.slice(Math.max(first, 0), first + 2).filter(([, count]) => count > 0);
  return first < 0 ? '0 s' : said.map(([unit, count]) => `${count} ${unit}`).join(' ');
}
