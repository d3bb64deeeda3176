import { journalName } from '../batch/undo-journal.ts';
import type { RowMigration } from '../define/registered.ts';
import { ValidationFailed } from '../errors.ts';
import type { Restore } from './restore-batch.ts';

/** The migrated data does not meet the validations, and stays as it is. */
export function invalid(migration: RowMigration, what: string): ValidationFailed {
  return new ValidationFailed(
    `migration "${migration.name}": ${what}. All its batches are done, and their rows stay as they are (onInvalid: ` +
      `'${migration.onInvalid}'). Correct the rows or the migration, deploy, and start the machine again: it goes on with validating`,
  );
}

/** The migrated data did not meet the validations, and was restored. */
export function invalidAndRestored({ name }: RowMigration, restore: Restore): ValidationFailed {
  const { because, restored, left } = restore;
  const leftOver =
    left === 0
      ? 'none had been changed since'
      : `${left} left, because they had been changed since, or are gone, or could not be put back: what these were before is ` +
        `in ${journalName(name)}`;
  return new ValidationFailed(
    `migration "${name}": ${because}. So ${restored} of the rows that it had changed were put back, and ${leftOver}. Correct ` +
      'the rows or the migration, deploy, and start the machine again: it begins anew',
  );
}
