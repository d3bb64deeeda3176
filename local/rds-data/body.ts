import type { IncomingMessage } from 'node:http';
import { RdsDataError } from './errors.ts';

const limit = 4 * 2 ** 20;
const patience = 16 * limit;

/**
 * Reads a request's body. What is over the limit is read to its end and dropped, because a client that is still sending
 * takes an early answer for a broken connection; only one that sends endlessly is cut off.
 */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
    } else {
      chunks.length = 0;
    }
    if (size > patience) {
      break;
    }
  }
  if (size > limit) {
    throw new RdsDataError('RequestEntityTooLargeException', 'The request exceeds the size limit 4 MiB.');
  }
  return Buffer.concat(chunks, size).toString('utf8');
}
