/** Thrown through the interpreter when the execution has ended, or a sibling branch has failed: nothing may follow. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}
