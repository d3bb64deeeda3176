import { isJsonList, isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { Problems } from './problems.ts';

/** Bounds of a number, both of which are allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * The fields of one object in a definition. It reports fields and values that AWS would refuse, and then goes on with
 * a value that fits, so that one check finds all problems.
 */
export class Fields {
  /** Where the object stands in the definition: `/States/Rest`. */
  readonly path: string;
  readonly #object: JsonObject;
  readonly #problems: Problems;

  /**
   * @param value The object; anything else is a problem.
   * @param path Where it stands.
   * @param known The names that it may have; any other name is a problem.
   */
  constructor(value: Json | undefined, path: string, known: readonly string[], problems: Problems) {
    this.path = path;
    this.#problems = problems;
    this.#object = isJsonObject(value) ? value : {};
    if (!isJsonObject(value)) {
      problems.schema('Expected value of type [OBJECT]', path);
    }
    for (const name of Object.keys(this.#object)) {
      if (!known.includes(name)) {
        problems.schema(`Field '${name}' is not supported`, path);
      }
    }
  }

  has(name: string): boolean {
    return name in this.#object;
  }

  value(name: string): Json | undefined {
    return this.#object[name];
  }

  /** Reports those of the names that are missing. */
  require(...names: readonly string[]): void {
    const missing = names.filter((name) => !this.has(name));
    if (missing.length > 0) {
      this.#problems.schema(`These fields are required: [${missing.join(', ')}]`, this.path);
    }
  }

  string(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') {
      return value;
    }
    this.#problems.schema('Expected value of type [STRING]', `${this.path}/${name}`);
    return undefined;
  }

  integer(name: string, range: Range): number | undefined {
    return this.#number(name, range, 'an integer');
  }

  number(name: string, range: Range): number | undefined {
    return this.#number(name, range, 'a number');
  }

  /** A list with at least one element; empty when the field is left out. */
  list(name: string): readonly Json[] {
    const value = this.value(name);
    if (value === undefined) {
      return [];
    }
    if (isJsonList(value) && value.length > 0) {
      return value;
    }
    this.#problems.schema('Expected a list with at least one element', `${this.path}/${name}`);
    return [];
  }

  #number(name: string, { min, max }: Range, kind: 'an integer' | 'a number'): number | undefined {
    const value = this.value(name);
    if (value === undefined) {
      return undefined;
    }
    const isOfKind = typeof value === 'number' && (kind === 'a number' || Number.isInteger(value));
    if (isOfKind && value >= min && value <= max) {
      return value;
    }
    this.#problems.schema(`Expected ${kind} between ${min} and ${max}`, `${this.path}/${name}`);
    return undefined;
  }
}
