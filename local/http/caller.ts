import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What the SDKs and the `aws` command line sign their requests with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Why a request is not let in: the error's name on AWS, and what to do about it. The status is `refusedStatus`. */
export interface Refusal {
  readonly code:
    | 'AccessDeniedException'
    | 'MissingAuthenticationTokenException'
    | 'UnrecognizedClientException';
  readonly message: string;
}

export const refusedStatus = 403;

/** Credentials that nobody can guess. */
export function newCredentials(): Credentials {
  // 16 bytes: as hard to guess as a random UUID. The secret is never looked at, because only SDKs that know the key sign.
  return {
    accessKeyId: `LOCAL${randomBytes(16).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(16).toString('hex'),
  };
}

/**
 * Why a request is refused; undefined for one that is let in. Any web page can send requests to 127.0.0.1, by its
 * address or by a name of its own that leads there, and any program on this machine can. So a request must come from no
 * page, name this machine, and carry the access key in AWS's signature.
 */
export function refusalOf({ headers }: IncomingMessage, accessKeyId: string): Refusal | undefined {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
    return { code: 'AccessDeniedException', message: 'Requests from web pages are refused.' };
  }
  const { host = '' } = headers;
  if (!isThisMachine(host)) {
    const message = `The Host is '${host}': it must be 127.0.0.1, localhost or [::1].`;
    return { code: 'AccessDeniedException', message };
  }
  const [, signedBy] = /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  if (signedBy === undefined) {
    const message =
      'Missing Authentication Token: sign requests with the access key that npx migrations local prints.';
    return { code: 'MissingAuthenticationTokenException', message };
  }
  if (signedBy !== accessKeyId) {
    const message =
      'The security token included in the request is invalid: the access key is another one with each start. ' +
      'Take the one that npx migrations local prints.';
    return { code: 'UnrecognizedClientException', message };
  }
  return undefined;
}

/** Whether a request's `Host` names this machine. Another name that leads here is one that somebody else has given it. */
export function isThisMachine(host: string): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host);
}
