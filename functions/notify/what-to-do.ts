import { ErrorName, type Result } from '../contract.ts';
import type { End } from './ends.ts';

const startAgain = 'npx migrations start --wait';

/** What to do after an error, in a sentence or two. The runbook says more. */
const afterError: Readonly<Record<ErrorName, string>> = {
  [ErrorName.AlreadyRunning]: 'Wait until the run that it names has ended, or stop it.',
  [ErrorName.InvalidInput]: 'Correct the input and start again.',
  [ErrorName.MigrationFailed]: `Correct what it says, deploy, and start again: ${startAgain}. It goes on from the checkpoint.`,
  [ErrorName.ErrorBudgetSpent]: `Look at the rows with npx migrations errors NAME, correct them or the migration, and start again: ${startAgain}`,
  [ErrorName.ValidationFailed]: `Look at the rows with npx migrations errors NAME, correct them or the migration, and start again: ${startAgain}`,
  [ErrorName.DatabaseUnavailable]: `Make sure that the database serves, and start again: ${startAgain}. It goes on from the checkpoint.`,
  [ErrorName.Superseded]: 'Nothing, as long as the execution that took over goes on: npx migrations watch',
  [ErrorName.NoLongerRegistered]:
    'Register the migration again, and the next run goes on with it; or leave it as it is.',
  [ErrorName.PartStopped]: `Start again, if nobody meant to stop it: ${startAgain}. It goes on from the checkpoint.`,
  [ErrorName.RunDidNotSucceed]: `Nothing was built. Start the migrations again: ${startAgain}. The run that succeeds starts this job.`,
};

/** What somebody is to do about a follow-up job that ended like this. */
export function whatToDoAboutJob(status: End, error: string | undefined): string {
  if (status === 'SUCCEEDED') {
    return 'Nothing.';
  }
  return error === ErrorName.RunDidNotSucceed
    ? afterError[error]
    : 'Correct what it says, if anything, and start its machine again with the input {}.';
}

/** What somebody is to do about a run that ended like this. */
export function whatToDo(
  status: End,
  error: string | undefined,
  results: Readonly<Record<string, Result>>,
): string {
  switch (status) {
    case 'SUCCEEDED': {
      const bad = Object.keys(results).filter((name) => hasErrors(results[name]));
      return bad.length === 0
        ? 'Nothing.'
        : `Look at the rows that could not be migrated: ${bad.map((name) => `npx migrations errors ${name}`).join(', ')}`;
    }
    case 'ABORTED':
      return 'Nothing, if somebody meant to stop it. To go on from the checkpoint: npx migrations resume';
    case 'TIMED_OUT':
      return `Start again: ${startAgain}. It goes on from the checkpoint.`;
    case 'FAILED':
      return isKnown(error)
        ? afterError[error]
        : `Look into the execution, where it says more, and then start again: ${startAgain}`;
  }
}

/** Whether it is an error that the contract has. */
export function isKnown(error: string | undefined): error is ErrorName {
  return Object.values<string | undefined>(ErrorName).includes(error);
}

const hasErrors = (result: Result | undefined): boolean =>
  typeof result === 'object' && 'errors' in result && result.errors > 0;
