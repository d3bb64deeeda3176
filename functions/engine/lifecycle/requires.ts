import { didYouMean } from '../define/closest.ts';
import type { Registered } from '../define/registered.ts';
import { MigrationFailed } from '../errors.ts';

/** What a migration is refused with before one that it requires is finished. */
export function notFinished(name: string, required: string): MigrationFailed {
  return new MigrationFailed(
    `migration "${name}" requires "${required}", which is not finished. Start the machine with {"only": ` +
      `"${required}"}, or with {} for all of them in order`,
  );
}

/** Checks what migrations require of each other. Throws MigrationFailed. */
export function checkRequires(migrations: readonly Registered[]): void {
  const names = migrations.map(({ name }) => name);
  for (const { name, requires } of migrations) {
    const unknown = requires.filter((required) => !names.includes(required));
    if (unknown.length > 0) {
      throw new MigrationFailed(
        `migration "${name}" requires ${unknown.join(', ')}, which is not registered; registered are: ` +
          names.join(', ') +
          didYouMean(unknown, names),
      );
    }
    const circle = circleFrom(migrations, [name]);
    if (circle) {
      throw new MigrationFailed(`migrations require each other: ${circle.join(' → ')}`);
    }
    const later = requires.filter((required) => names.indexOf(required) > names.indexOf(name));
    if (later.length > 0) {
      throw new MigrationFailed(
        `migration "${name}" requires ${later.join(', ')}, which is registered after it; migrations run in their order`,
      );
    }
  }
}

/** The way from the first name of a path back to it, if there is one. */
function circleFrom(
  migrations: readonly Registered[],
  path: readonly string[],
): readonly string[] | undefined {
  const { requires = [] } = migrations.find(({ name }) => name === path.at(-1)) ?? {};
  for (const next of requires) {
    if (next === path[0]) {
      return [...path, next];
    }
    const circle = path.includes(next) ? undefined : circleFrom(migrations, [...path, next]);
    if (circle) {
      return circle;
    }
  }
  return undefined;
}
