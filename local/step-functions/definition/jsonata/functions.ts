import { createHash, randomUUID } from 'node:crypto';
import type jsonata from 'jsonata';

/**
 * JSONata's own functions, without `$eval`, which AWS disables. The package has no list of them; a test compares this
 * one with what the package can call.
 */
const standardFunctions = [
  'abs append assert average base64decode base64encode boolean ceil contains count decodeUrl decodeUrlComponent',
  'distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis',
  'join keys length lookup lowercase map match max merge millis min not now number pad parseInteger power reduce replace',
  'reverse round shuffle sift single sort split spread sqrt string substring substringAfter substringBefore sum',
  'toMillis trim type uppercase zip',
].flatMap((line) => line.split(' '));

interface AddedFunction {
  readonly implementation: (...args: never[]) => unknown;
  /** JSONata's notation of parameters and result: n is a number, s a string, a an array, x anything. */
  readonly signature: string;
}

/**
 * The functions that AWS adds ("Transforming data with JSONata" in the developer guide). One that returns undefined
 * fails the field that it was written in, as on AWS.
 */
const awsFunctions: Readonly<Record<string, AddedFunction>> = {
  partition: { implementation: partition, signature: '<an:a>' },
  range: { implementation: range, signature: '<nnn:x>' },
  hash: { implementation: hash, signature: '<ss:s>' },
  random: { implementation: random, signature: '<n?:n>' },
  uuid: { implementation: () => randomUUID(), signature: '<:s>' },
  parse: { implementation: (json: string): unknown => JSON.parse(json), signature: '<s:x>' },
};

/** The names of all functions that an expression may call. */
export const functionNames: ReadonlySet<string> = new Set([
  ...standardFunctions,
  ...Object.keys(awsFunctions),
]);

/** Lets an expression call AWS's functions. */
export function addFunctions(expression: jsonata.Expression): void {
  for (const [name, { implementation, signature }] of Object.entries(awsFunctions)) {
    expression.registerFunction(name, implementation as (...args: unknown[]) => unknown, signature);
  }
}

/** Cuts a list into lists of at most `size` elements. */
function partition(items: readonly unknown[], size: number): unknown {
  const length = Math.trunc(size);
  if (items.length === 0 || length < 1) {
    return undefined;
  }
  const count = Math.ceil(items.length / length);
  return Array.from({ length: count }, (_, i) => items.slice(i * length, (i + 1) * length));
}

/** As others have measured on AWS. */
const maxRangeLength = 360_145;

/** The numbers from `from` to `to`, both included. As on AWS, a single one is no list. */
function range(from: number, to: number, by: number): unknown {
  const [start, end, step] = [Math.trunc(from), Math.trunc(to), Math.trunc(by)];
  const count = Math.floor((end - start) / step) + 1;
  if (step === 0 || count < 1) {
    return undefined;
  }
  if (count > maxRangeLength) {
    throw new Error('Expression evaluation memory limit exceeded');
  }
  return count === 1 ? start : Array.from({ length: count }, (_, i) => start + i * step);
}

/** The algorithms by AWS's names, each with Node's. */
const hashAlgorithms: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

function hash(text: string, algorithm: string): string {
  const name = hashAlgorithms[algorithm];
  if (name === undefined) {
    throw new Error(`Unknown algorithm ${algorithm}: use one of ${Object.keys(hashAlgorithms).join(', ')}`);
  }
  return createHash(name).update(text).digest('hex');
}

/**
 * A number from 0 to 1. With a seed it is always the same number, made by the generator mulberry32, whose constants
 * these are. AWS's number for that seed is another.
 */
function random(seed?: number): number {
  if (seed === undefined) {
    return Math.random();
  }
  let t = (Math.trunc(seed) + 0x6d2b79f5) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
