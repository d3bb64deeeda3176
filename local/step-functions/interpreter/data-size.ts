import { dataLimitExceeded } from '../failure.ts';
import { maxDataBytes } from '../quotas.ts';

/**
 * Checks the size of an input, an output, a result or variables.
 *
 * @param json The data as JSON text.
 * @param owner The state or the resource that gave it.
 * @param maxBytes 256 KiB by default.
 * @throws States.DataLimitExceeded.
 */
export function checkDataSize(json: string, owner: string, maxBytes: number = maxDataBytes): void {
  if (Buffer.byteLength(json) > maxBytes) {
    throw dataLimitExceeded(owner);
  }
}
