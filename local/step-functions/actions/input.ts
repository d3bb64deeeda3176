import { ApiError } from '../api-error.ts';

/** The fields of a request, read as AWS's model declares them. */
export class Input {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  text(name: string, maxLength: number): string | undefined {
    const value = this.#fields[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string') {
      throw wrongType(name, 'string');
    }
    if (value !== undefined && value.length > maxLength) {
      throw invalid(name, `Member must have length less than or equal to ${maxLength}`);
    }
    return value;
  }

  requiredText(name: string, maxLength: number): string {
    const value = this.text(name, maxLength);
    if (value === undefined) {
      throw invalid(name, 'Member must not be null');
    }
    if (value === '') {
      throw invalid(name, 'Member must have length greater than or equal to 1');
    }
    return value;
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name, 1024);
    if (value === undefined || (values as readonly string[]).includes(value)) {
      return value as T | undefined;
    }
    throw invalid(name, `Member must satisfy enum value set: [${values.join(', ')}]`);
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.#fields[name] ?? otherwise;
    if (typeof value !== 'boolean') {
      throw wrongType(name, 'boolean');
    }
    return value;
  }

  /** How many results fit a page: 0 means the default, as does nothing. */
  pageSize(): number {
    const value = this.#fields.maxResults ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongType('maxResults', 'integer');
    }
    if (value < 0 || value > 1000) {
      throw invalid('maxResults', 'Member must have value between 0 and 1000');
    }
    return value === 0 ? 100 : value;
  }
}

/** ARNs have at most this many characters. */
export const arnLength = 256;

function invalid(name: string, constraint: string): ApiError {
  const problem = `Value at '${name}' failed to satisfy constraint: ${constraint}`;
  return new ApiError('ValidationException', `1 validation error detected: ${problem}`);
}

function wrongType(name: string, type: string): ApiError {
  return new ApiError('SerializationException', `'${name}' can not be converted to ${type}`);
}
