import { journalName } from '../batch/undo-journal.ts';
import type { RowMigration } from '../define/registered.ts';
import { ValidationFailed } from '../errors.ts';
import type { Restore } from './restore-batch.ts';

/** What validations found in words, and in full: with keys of the rows. */
export interface WhatFailed {
  readonly what: string;
  readonly inFull: string;
}

/** The migrated data does not meet the validations, and stays as it is. */
export function invalid(migration: RowMigration, { what, inFull }: WhatFailed): ValidationFailed {
  const say = (found: string) =>
    `migration "${migration.name}": ${found}. All its batches are done, and their rows stay as they are (onInvalid: ` +
    `'${migration.onInvalid}'). Correct the rows or the migration, deploy, and start the machine again: it goes on with validating`;
  return new ValidationFailed(say(what), { inFull: say(inFull) });
}

/** The migrated data did not meet the validations, and was restored. */
export function invalidAndRestored({ name }: RowMigration, restore: Restore): ValidationFailed {
  const { because, inFull = because, restored, left } = restore;
  const leftOver =
    left === 0
      ? 'none had been changed since'
      : `${left} left, because they had been changed since, or are gone, or could not be put back: what these were before is ` +
        `in ${journalName(name)}`;
  const say = (found: string) =>
    `migration "${name}": ${found}. So ${restored} of the rows that it had changed were put back, and ${leftOver}. Correct ` +
    'the rows or the migration, deploy, and start the machine again: it begins anew';
  return new ValidationFailed(say(because), { inFull: say(inFull) });
}
