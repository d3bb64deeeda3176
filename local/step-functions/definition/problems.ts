/** AWS's codes for what it refuses when a machine is created. */
export type ProblemCode =
  | 'SCHEMA_VALIDATION_FAILED'
  | 'MISSING_TRANSITION_TARGET'
  | 'MISSING_END_STATE'
  | 'DUPLICATE_STATE_NAME'
  | 'INVALID_JSONATA_EXPRESSION'
  | 'UNSUPPORTED_JSONATA_EXPRESSION';

/** Everything that is wrong with a definition, each with its place. */
export class Problems {
  readonly #found: string[] = [];

  add(code: ProblemCode, message: string, location: string): void {
    this.#found.push(`${code}: ${message} at ${location}`);
  }

  /** For the most common kind. */
  schema(message: string, location: string): void {
    this.add('SCHEMA_VALIDATION_FAILED', message, location);
  }

  throwIfAny(): void {
    if (this.#found.length > 0) {
      throw new InvalidDefinition(this.#found);
    }
  }
}

/** A definition that AWS would not create a machine from, or that uses what this interpreter does not know. */
export class InvalidDefinition extends Error {
  override readonly name = 'InvalidDefinition';

  constructor(problems: readonly string[]) {
    super(`Invalid State Machine Definition: '${problems.join(', ')}'`);
  }
}
