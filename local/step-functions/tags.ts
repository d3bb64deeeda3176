import { ApiError } from './api-error.ts';

/** A tag of a state machine. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

// What AWS documents for tags of Step Functions: 50 of them, of these characters, and none that begins like AWS's own.
const most = 50;
const characters = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;

/** Refuses what AWS refuses when a machine is created. */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > most) {
    throw new ApiError('TooManyTags', `A resource has at most ${most} tags, got ${tags.length}`);
  }
  for (const { key, value } of tags) {
    const problem = problemOf(key, 1, 128) ?? problemOf(value, 0, 256);
    if (problem !== undefined || /^aws:/i.test(key)) {
      throw new ApiError(
        'ValidationException',
        `The tag ${key} = ${value} ${problem ?? 'begins with aws:, which is reserved'}`,
      );
    }
  }
  const twice = tags.find(({ key }, i) => tags.findIndex((other) => other.key === key) !== i);
  if (twice !== undefined) {
    throw new ApiError('ValidationException', `Duplicate tag keys: ${twice.key}`);
  }
}

function problemOf(text: string, min: number, max: number): string | undefined {
  if (text.length < min || text.length > max) {
    return `has ${text.length} characters where ${min} to ${max} are allowed`;
  }
  return characters.test(text)
    ? undefined
    : 'may only contain Unicode letters, digits, white space, or these symbols: _ . : / = + - @';
}
