import { didYouMean } from '../engine/define/closest.ts';
import type { Migration } from '../engine/define/migration.ts';
import { type Registered, type RowMigration, registered } from '../engine/define/registered.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Jobs } from '../engine/ledger/follow-ups.ts';
import { checkRequires } from '../engine/lifecycle/requires.ts';

/** The registered migrations as the engine runs them, checked as a whole. Throws MigrationFailed. */
export function registry(migrations: readonly Migration[]): readonly Registered[] {
  const opened = migrations.map(registered);
  const names = opened.map(({ name }) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  if (twice.length > 0) {
    throw new MigrationFailed(`registered twice: ${twice.join(', ')}; every migration has a name of its own`);
  }
  checkRequires(opened);
  return opened;
}

/** Checks that every follow-up job which a migration declares has been deployed. Throws MigrationFailed. */
export function checkJobs(migrations: readonly Registered[], jobs: Jobs): void {
  const deployed = Object.keys(jobs);
  for (const { name, rebuilds } of migrations) {
    const missing = rebuilds.filter((job) => !deployed.includes(job));
    if (missing.length === 0) {
      continue;
    }
    throw new MigrationFailed(
      `migration "${name}" declares ${missing.join(', ')}, which is not deployed; deployed are: ` +
        `${deployed.join(', ') || 'none'}${didYouMean(missing, deployed) || '.'} Add it to followUps in the stack, or correct the name`,
    );
  }
}

/** The registered migration of this name. Throws MigrationFailed with the known ones. */
export function find(migrations: readonly Registered[], name: string): Registered {
  const found = migrations.find((migration) => migration.name === name);
  if (found !== undefined) {
    return found;
  }
  throw new MigrationFailed(
    known(
      migrations.map((migration) => migration.name),
      name,
    ),
  );
}

/** Says that there is no such migration, and which there are. */
export function known(names: readonly string[], name: string): string {
  return `no migration is called "${name}"; registered are: ${names.join(', ') || 'none'}`;
}

/** A migration that changes rows. Throws MigrationFailed for another: it has none to validate, restore or retry. */
export function ofRows(migration: Registered): RowMigration {
  if (migration.kind !== 'alterTables') {
    return migration;
  }
  throw new MigrationFailed(
    `migration "${migration.name}" changes tables, all or none: it has no rows to look at`,
  );
}
