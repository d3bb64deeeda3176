/**
 * The states of the migrations machine: the names that an operator reads in the console, each with the comment that the console shows
 * beside it.
 */
export const stateComments = {
  // A run:
  'Open run': 'Checks the input, enters the run in the ledger, and answers which migrations to take.',
  'Each migration':
    'Takes the registered migrations in order, one at a time. The first that fails ends the run.',
  'Close run': 'Ends the run in the ledger, with its result map and the follow-up jobs that it owes.',
  'How did it close?': 'Succeeded; or the history got long, and another part goes on.',
  'Next part': 'Starts another execution of this machine that goes on, and waits until it has ended.',
  'Part done': 'This execution is a part of another one’s run, which waits for it.',
  'Start follow-up jobs':
    'Starts the jobs that the migrations of this run declared, now that it has succeeded.',
  'Start job': 'Starts one job under the name of this run, so that it is started once.',
  Started: 'The job runs in an execution of its own, and waits until this one has succeeded.',
  Completed: 'All is done. The output is the result map.',
  'Already running': 'Another run holds the ledger; the cause names it. This one has changed nothing.',
  'Invalid input': 'The cause says what is wrong with the input. Nothing was changed.',
  'Record failure': 'Writes into the ledger that the run has failed, and why.',
  Failed:
    'The cause says which migration failed, why, and what to do. A new start goes on from the checkpoints.',
  // One migration of it:
  'Pending?': 'Asks whether the migration has work, without looking at all of its table.',
  'Is it pending?': 'What there is to do with the migration.',
  Skipped: 'It has no work, as is usual once it has finished.',
  'Wait for its turn':
    'Something else has to end first: another migration of the table, or one that it requires.',
  'Start in the background':
    'Starts an execution of its own for the migration. This run does not wait for it.',
  'In the background': 'It goes on in the execution that the result names, beside the releases.',
  Paused: 'Somebody has paused it; the result says who. It goes on when somebody resumes it.',
  'Run batches':
    'Changes rows batch by batch for up to four minutes. Each commits together with its checkpoint.',
  'How far?': 'There is more; it goes on in lanes, or in the next part; or all rows are done.',
  'Run lanes': 'Several invocations go on with the migration at once, each on a range of keys.',
  'Run a lane': 'Changes rows batch by batch in one range of keys.',
  'How far is the lane?': 'There is more; or no range is left for this lane.',
  'Rest of the lane': 'Leaves the database to others for as long as the schedule or its load asks for.',
  'Rest of an idle lane': 'No range is left at the moment: looks again later.',
  'Lane done': 'No range is left for this lane.',
  Rest: 'Leaves the database to others for as long as the schedule or its load asks for; the input says why.',
  'Rest before the next part': 'A rest that is due before the next part of the run goes on.',
  Validate: 'Counts the rows that do not meet the checks of the migration.',
  'Is it valid?': 'There is more to check; all holds; or the rows are to be put back.',
  'Rest before more checks': 'Leaves the database to others for a while.',
  Restore: 'Puts back the rows that the migration has changed and nobody has changed since.',
  'How far is it restored?': 'There are more rows to put back; or all are.',
  'Rest before more rows': 'Leaves the database to others for a while.',
  'Clean up': 'Drops the marker column, the journal and the row errors of a finished migration.',
  'Is it cleaned up?': 'It is; or the next part of the run goes on with it.',
  Migrated: 'It has finished. Its counters are in the result map.',
  Restored: 'Its rows are as they were, as somebody asked for.',
  'Cleaned up': 'What it had made beside the data is dropped.',
  'Continues later': 'The history of this execution got long: the next part goes on with the migration.',
} as const;

/** The name of a state: whoever makes or counts one is checked against the list. */
export type StateName = keyof typeof stateComments;
