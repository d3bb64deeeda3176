/** The states of the migrations machine, by the names that an operator reads in the console. */
export const stateNames = [
  // A run:
  'Open run',
  'Each migration',
  'Close run',
  'How did it close?',
  'Next part',
  'Part done',
  'Start follow-up jobs',
  'Start job',
  'Started',
  'Completed',
  'Already running',
  'Invalid input',
  'Record failure',
  'Failed',
  // One migration of it:
  'Pending?',
  'Is it pending?',
  'Skipped',
  'Wait for its turn',
  'Start in the background',
  'In the background',
  'Paused',
  'Run batches',
  'How far?',
  'Rest',
  'Validate',
  'Is it valid?',
  'Rest before more checks',
  'Restore',
  'How far is it restored?',
  'Rest before more rows',
  'Clean up',
  'Is it cleaned up?',
  'Migrated',
  'Restored',
  'Cleaned up',
  'Continues later',
] as const;

/** The name of a state: whoever makes or counts one is checked against the list. */
export type StateName = (typeof stateNames)[number];
