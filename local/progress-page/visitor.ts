import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isThisMachine } from '../http/caller.ts';

/** The first part of the page's paths, which nobody can guess: 16 bytes, as hard as a random UUID. */
export function newToken(): string {
  return randomBytes(16).toString('hex');
}

/**
 * What a visitor asks for below the token: `''` for the page itself; undefined for one who does not know the token, or who came by a name
 * that is not this machine's. A page of somebody else's may send a browser here, but cannot know the address.
 */
export function pathOf(
  { url = '', headers: { host = '' } }: IncomingMessage,
  token: string,
): string | undefined {
  const [, given = '', rest = ''] = /^\/([^/?]*)\/([^?]*)/.exec(url) ?? [];
  return isThisMachine(host) && isSame(given, token) ? rest : undefined;
}

/** Whether it is the page itself that has something done, and no other one that has learnt the address. */
export function isFromThePage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin === `http://${headers.host}` && (site === undefined || site === 'same-origin');
}

function isSame(given: string, token: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}
