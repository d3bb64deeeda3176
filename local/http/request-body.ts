import type { IncomingMessage } from 'node:http';

/** A client that has sent this many times the limit is taken to send endlessly, and is read no further. */
const cutOffFactor = 16;

/**
 * Reads a request's body as UTF-8. A body over the limit is read to its end and dropped, because a client that is
 * still sending takes an early answer for a broken connection.
 *
 * @returns undefined for a body of more than `maxBytes` bytes.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const sent: AsyncIterable<Buffer> = request;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of sent) {
    size += chunk.length;
    if (size <= maxBytes) {
      chunks.push(chunk);
    } else {
      chunks.length = 0;
    }
    if (size > maxBytes * cutOffFactor) {
      break;
    }
  }
  return size > maxBytes ? undefined : Buffer.concat(chunks, size).toString('utf8');
}
