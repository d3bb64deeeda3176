import { didYouMean } from '../../functions/engine/define/closest.ts';
import { Misuse } from '../command/misuse.ts';

/** Throws unless a migration of this name is known. */
export function requireKnown(name: string, known: readonly string[]): void {
  if (known.includes(name)) {
    return;
  }
  throw new Misuse(
    `no migration is called ${name}${didYouMean([name], known)}\nKnown: ${known.join(', ') || 'none'}`,
  );
}
