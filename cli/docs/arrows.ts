import type { Import } from './imports.ts';

/** One room imports another, and by which files. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly imports: readonly Import[];
}

/** The arrows between the rooms of a folder. `roomOf` says in which room a file is, and undefined for one that is in none. */
export function arrowsOf(
  imports: readonly Import[],
  roomOf: (file: string) => string | undefined,
): readonly Arrow[] {
  const arrows = new Map<string, Arrow>();
  for (const each of imports) {
    const [from, to] = [roomOf(each.from), roomOf(each.to)];
    if (from === undefined || to === undefined || from === to) {
      continue;
    }
    const name = `${from} → ${to}`;
    arrows.set(name, { from, to, imports: [...(arrows.get(name)?.imports ?? []), each] });
  }
  return [...arrows.values()];
}

/** The arrows without those that a way over other arrows stands for: for whoever sees a → b → c, a → c goes without saying. */
export function withoutShortcuts(arrows: readonly Arrow[]): readonly Arrow[] {
  return arrows.reduce((left, arrow) => {
    const others = left.filter((each) => each !== arrow);
    return reachable(others, arrow.from).has(arrow.to) ? others : left;
  }, arrows);
}

function reachable(arrows: readonly Arrow[], from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const next = [from];
  for (let room = next.pop(); room !== undefined; room = next.pop()) {
    for (const { to } of arrows.filter((arrow) => arrow.from === room && !found.has(arrow.to))) {
      found.add(to);
      next.push(to);
    }
  }
  return found;
}
