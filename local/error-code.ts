/**
 * The code of an error from Node or from PostgreSQL, such as `ENOENT` or `57P03`; undefined for an error without one.
 */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
