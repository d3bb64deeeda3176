import { MigrationFailed } from '../errors.ts';

/**
 * Stands around an example in a migration that `npx migrations new` has written, until its author has put there what fits. It throws
 * when the file is loaded, as every option does that cannot work: tests, synth and every command that loads the registry fail. An
 * example that was left in place would rather be deployed, and change rows, or quietly none.
 *
 * @param migration The name of the migration.
 * @param _example Something of the right type, to be seen in the file.
 * @throws MigrationFailed always.
 */
export function fillIn<T>(migration: string, _example: T): T {
  throw new MigrationFailed(
    `migration "${migration}" is not filled in yet: its file has an example in each fillIn(…), to be replaced by what fits`,
  );
}
