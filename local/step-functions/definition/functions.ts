import { createHash, randomUUID } from 'node:crypto';
import type jsonata from 'jsonata';

/**
 * JSONata's own functions, without `$eval`, which AWS disables. The package offers no list of them; a test compares this
 * one with what the package can call.
 */
const standard = [
  'abs append assert average base64decode base64encode boolean ceil contains count decodeUrl decodeUrlComponent',
  'distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis',
  'join keys length lookup lowercase map match max merge millis min not now number pad parseInteger power reduce replace',
  'reverse round shuffle sift single sort split spread sqrt string substring substringAfter substringBefore sum',
  'toMillis trim type uppercase zip',
]
  .join(' ')
  .split(' ');

const algorithms: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

/** What AWS adds, with JSONata's signatures. Answers of `undefined` fail the field they were written in, as on AWS. */
const added: Readonly<Record<string, readonly [(...args: never[]) => unknown, string]>> = {
  partition: [partition, '<an:a>'],
  range: [range, '<nnn:x>'],
  hash: [hash, '<ss:s>'],
  random: [random, '<n?:n>'],
  uuid: [() => randomUUID(), '<:s>'],
  parse: [(json: string): unknown => JSON.parse(json), '<s:x>'],
};

/** Every function that an expression may call. */
export const functionNames: ReadonlySet<string> = new Set([...standard, ...Object.keys(added)]);

/** Adds AWS's functions to an expression. */
export function addFunctions(expression: jsonata.Expression): void {
  for (const [name, [implementation, signature]] of Object.entries(added)) {
    expression.registerFunction(name, implementation as (...args: unknown[]) => unknown, signature);
  }
}

function partition(items: readonly unknown[], size: number): unknown {
  const length = Math.trunc(size);
  if (items.length === 0 || length < 1) {
    return undefined;
  }
  const count = Math.ceil(items.length / length);
  return Array.from({ length: count }, (_, i) => items.slice(i * length, (i + 1) * length));
}

/** AWS allows 360,145 elements (measured against it by others) and collapses a single one. */
const longestRange = 360_145;

function range(from: number, to: number, by: number): unknown {
  const [start, end, step] = [from, to, by].map(Math.trunc) as [number, number, number];
  const count = Math.floor((end - start) / step) + 1;
  if (step === 0 || count < 1) {
    return undefined;
  }
  if (count > longestRange) {
    throw new Error('Expression evaluation memory limit exceeded');
  }
  const values = Array.from({ length: count }, (_, i) => start + i * step);
  return values.length === 1 ? values[0] : values;
}

function hash(text: string, algorithm: string): string {
  const name = algorithms[algorithm];
  if (name === undefined) {
    throw new Error(`Unknown algorithm ${algorithm}: use one of ${Object.keys(algorithms).join(', ')}`);
  }
  return createHash(name).update(text).digest('hex');
}

/** With a seed always the same number, by mulberry32; not AWS's number. */
function random(seed?: number): number {
  if (seed === undefined) {
    return Math.random();
  }
  let t = (Math.trunc(seed) + 0x6d2b79f5) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
