/** AWS's codes for what it refuses when a machine is created. */
export type ProblemCode =
  | 'SCHEMA_VALIDATION_FAILED'
  | 'MISSING_TRANSITION_TARGET'
  | 'MISSING_END_STATE'
  | 'DUPLICATE_STATE_NAME'
  | 'INVALID_JSONATA_EXPRESSION'
  | 'UNSUPPORTED_JSONATA_EXPRESSION';

/**
 * Collects all that is wrong with a definition. Places are paths such as `/States/Rest/Seconds`; the empty path
 * stands for the definition itself.
 */
export class Problems {
  readonly #found: string[] = [];

  add(code: ProblemCode, message: string, place: string): void {
    this.#found.push(`${code}: ${message} at ${place || '/'}`);
  }

  /** Adds a problem of the most common kind: a field that is missing, unknown, or has a wrong value. */
  schema(message: string, place: string): void {
    this.add('SCHEMA_VALIDATION_FAILED', message, place);
  }

  /** @throws InvalidDefinition with all problems, if there are any. */
  throwIfAny(): void {
    if (this.#found.length > 0) {
      throw new InvalidDefinition(this.#found);
    }
  }
}

/** A definition that AWS would not make a machine of, or that uses what this interpreter does not know. */
export class InvalidDefinition extends Error {
  override readonly name = 'InvalidDefinition';

  constructor(problems: readonly string[]) {
    super(`Invalid State Machine Definition: '${problems.join(', ')}'`);
  }
}
