import { didYouMean } from '../../functions/engine/define/closest.ts';
import type { Ledger } from '../../functions/engine/overview/read-ledger.ts';
import { Misuse } from '../command/misuse.ts';
import type { System } from './system.ts';

/** The names of all migrations: the registered ones in their order, then those that only the ledger remembers. */
export function namesOf({ registered }: System, { lines }: Ledger): readonly string[] {
  return [...new Set([...registered.map((migration) => migration.name), ...lines.keys()])];
}

/** Throws unless a migration of this name is known. */
export function requireKnown(name: string, known: readonly string[]): void {
  if (known.includes(name)) {
    return;
  }
  throw new Misuse(
    `no migration is called ${name}${didYouMean([name], known)}\nKnown: ${known.join(', ') || 'none'}`,
  );
}
