import { distance } from 'fastest-levenshtein';
import { Misuse } from '../command/misuse.ts';

/** The name among these that somebody most likely meant, if one is near. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, typos: distance(name, candidate) }))
    // Two in five characters: what is further away is another word.
    .filter(({ candidate, typos }) => typos <= Math.max(name.length, candidate.length) * 0.4)
    .sort((a, b) => a.typos - b.typos);
  return near[0]?.candidate;
}

/** Throws unless a migration of this name is known. */
export function requireKnown(name: string, known: readonly string[]): void {
  if (known.includes(name)) {
    return;
  }
  const suggestion = closest(name, known);
  throw new Misuse(
    `no migration is called ${name}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}\n` +
      `Known: ${known.join(', ') || 'none'}`,
  );
}
