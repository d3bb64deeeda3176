/** The ways in which an execution ends, as Step Functions names them. */
export const ends = ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] as const;
export type End = (typeof ends)[number];
