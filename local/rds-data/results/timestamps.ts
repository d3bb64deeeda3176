import { RdsDataError } from '../errors.ts';

/**
 * The service's text of a time: no fraction when it is zero, milliseconds where they are enough, and microseconds
 * otherwise.
 *
 * @param text PostgreSQL's text of a date, time or timestamp without a time zone.
 * @throws InternalFailure for infinity, which the service has no text for.
 */
export function timeText(text: string): string {
  if (text.endsWith('infinity')) {
    throw new RdsDataError('InternalFailure'); // without a message, as the service
  }
  if (!text.includes('.')) {
    return text;
  }
  return text.replace(/\.(\d+)/, (_, digits: string) => {
    const micros = digits.padEnd(6, '0');
    return `.${micros.endsWith('000') ? micros.slice(0, 3) : micros}`;
  });
}

const withOffset = /^(.*)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/**
 * A timestamptz in UTC and without its offset.
 *
 * @param text PostgreSQL's text. Its offset is +00, unless a transaction has set another time zone.
 */
export function inUtc(text: string): string {
  if (text.endsWith('+00')) {
    return text.slice(0, -'+00'.length);
  }
  const match = withOffset.exec(text);
  if (!match) {
    return text;
  }
  const [, local = '', sign, hours, minutes = '0', seconds = '0', era = ''] = match;
  const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  if (offset === 0 || era) {
    return `${local}${era}`;
  }
  const [whole = '', fraction] = local.split('.');
  const toUtcMs = sign === '-' ? offset * 1000 : offset * -1000;
  const moment = new Date(Date.parse(`${whole.replace(' ', 'T')}Z`) + toUtcMs);
  const utc = moment.toISOString().slice(0, 'YYYY-MM-DDTHH:mm:ss'.length).replace('T', ' ');
  return fraction ? `${utc}.${fraction}` : utc;
}
