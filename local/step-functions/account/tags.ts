import { ApiError } from '../api-error.ts';

/** A tag of a state machine. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

// What "Tagging in Step Functions" in the developer guide allows.
const maxTags = 50;
const keyLength = { min: 1, max: 128 };
const valueLength = { min: 0, max: 256 };
const allowed = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;
const reservedPrefix = /^aws:/i;

/**
 * Checks the tags of a machine to create.
 *
 * @throws TooManyTags or ValidationException, as AWS does.
 */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > maxTags) {
    throw new ApiError('TooManyTags', `A resource has at most ${maxTags} tags, got ${tags.length}`);
  }
  for (const { key, value } of tags) {
    const problem =
      problemOf(key, keyLength) ??
      problemOf(value, valueLength) ??
      (reservedPrefix.test(key) ? 'begins with aws:, which is reserved' : undefined);
    if (problem !== undefined) {
      throw new ApiError('ValidationException', `The tag ${key} = ${value} ${problem}`);
    }
  }
  const keys = tags.map(({ key }) => key);
  const duplicate = keys.find((key, i) => keys.indexOf(key) !== i);
  if (duplicate !== undefined) {
    throw new ApiError('ValidationException', `Duplicate tag keys: ${duplicate}`);
  }
}

function problemOf(text: string, { min, max }: typeof keyLength): string | undefined {
  if (text.length < min || text.length > max) {
    return `has ${text.length} characters where ${min} to ${max} are allowed`;
  }
  return allowed.test(text)
    ? undefined
    : 'may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @';
}
