/** What the one who typed the command has to correct: exit code 2. */
export class Misuse extends Error {
  override readonly name = 'Misuse';
}
