import { distance } from 'fastest-levenshtein';

/** The name among these that somebody most likely meant, if one is near. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, typos: distance(name, candidate) }))
    // Two in five characters: what is further away is another word.
    .filter(({ candidate, typos }) => typos <= Math.max(name.length, candidate.length) * 0.4)
    .sort((a, b) => a.typos - b.typos);
  return near[0]?.candidate;
}

/** `; did you mean X?` for the end of an error, or nothing: the names that are near to those which are not known. */
export function didYouMean(unknown: readonly string[], known: readonly string[]): string {
  const meant = new Set(unknown.map((name) => closest(name, known)).filter((name) => name !== undefined));
  return meant.size === 0 ? '' : `; did you mean ${[...meant].join(', ')}?`;
}
