import { isObject } from '../json.ts';
import type { Problems } from './problems.ts';

/** Reads the fields of one object of a definition, and reports what AWS does not know or would not take. */
export class Fields {
  readonly path: string;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #problems: Problems;

  constructor(value: unknown, path: string, known: readonly string[], problems: Problems) {
    this.path = path;
    this.#problems = problems;
    this.#object = isObject(value) ? value : {};
    if (!isObject(value)) {
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

  value(name: string): unknown {
    return this.#object[name];
  }

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

  /** A number between bounds; `integer` unless told otherwise. */
  number(name: string, min: number, max: number, kind: 'integer' | 'any' = 'integer'): number | undefined {
    const value = this.value(name);
    if (value === undefined) {
      return undefined;
    }
    if (
      typeof value === 'number' &&
      value >= min &&
      value <= max &&
      (kind === 'any' || Number.isInteger(value))
    ) {
      return value;
    }
    const what = kind === 'integer' ? 'an integer' : 'a number';
    this.#problems.schema(`Expected ${what} between ${min} and ${max}`, `${this.path}/${name}`);
    return undefined;
  }

  list(name: string): readonly unknown[] {
    const value = this.value(name);
    if (value === undefined) {
      return [];
    }
    if (Array.isArray(value) && value.length > 0) {
      return value;
    }
    this.#problems.schema('Expected a list with at least one element', `${this.path}/${name}`);
    return [];
  }
}
