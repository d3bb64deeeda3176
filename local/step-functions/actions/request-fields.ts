import { ApiError } from '../api-error.ts';
import { maxArnLength } from '../quotas.ts';

/** The longest page that a list action answers, and the one it answers by default. */
const pageSizes = { max: 1000, default: 100 };

/** The fields of a request, each checked as AWS's API model declares it. Lengths are in characters. */
export class RequestFields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  /** Text of at most so many characters; undefined when it is absent or null. */
  text(name: string, maxLength: number): string | undefined {
    const value = this.#fields[name] ?? undefined;
    if (value === undefined) {
      return undefined;
    }
    if (typeof value !== 'string') {
      throw wrongType(name, 'string');
    }
    if (value.length > maxLength) {
      throw violation(name, `Member must have length less than or equal to ${maxLength}`);
    }
    return value;
  }

  /** An ARN that must be given. */
  arn(name: string): string {
    const value = this.text(name, maxArnLength);
    if (value === undefined) {
      throw violation(name, 'Member must not be null');
    }
    if (value === '') {
      throw violation(name, 'Member must have length greater than or equal to 1');
    }
    return value;
  }

  /** One of the values; undefined when it is absent or null. */
  oneOf<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name, Number.POSITIVE_INFINITY);
    const found = values.find((each) => each === value);
    if (value !== undefined && found === undefined) {
      throw violation(name, `Member must satisfy enum value set: [${values.join(', ')}]`);
    }
    return found;
  }

  boolean(name: string, { absent }: { readonly absent: boolean }): boolean {
    const value = this.#fields[name] ?? absent;
    if (typeof value !== 'boolean') {
      throw wrongType(name, 'boolean');
    }
    return value;
  }

  /** `maxResults`: how many results a page has. 0 stands for the default, as does a field that is absent. */
  pageSize(): number {
    const value = this.#fields.maxResults ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw wrongType('maxResults', 'integer');
    }
    if (value < 0 || value > pageSizes.max) {
      throw violation('maxResults', `Member must have value between 0 and ${pageSizes.max}`);
    }
    return value === 0 ? pageSizes.default : value;
  }
}

function violation(name: string, constraint: string): ApiError {
  const problem = `Value at '${name}' failed to satisfy constraint: ${constraint}`;
  return new ApiError('ValidationException', `1 validation error detected: ${problem}`);
}

function wrongType(name: string, type: string): ApiError {
  return new ApiError('SerializationException', `'${name}' can not be converted to ${type}`);
}
