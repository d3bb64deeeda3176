import type { Construct } from 'constructs';

/** A flag of the context, `-c KEY=true`; false if it is not there. Throws for what is neither true nor false. */
export function flag(scope: Construct, key: string): boolean {
  const value: unknown = scope.node.tryGetContext(key) ?? false;
  if (!['true', 'false', true, false].includes(value as string | boolean)) {
    throw new Error(`The context ${key} must be true or false, got ${JSON.stringify(value)}.`);
  }
  return String(value) === 'true';
}

/** A whole number of the context, from 1 on; undefined if it is not there. Throws for what is none. */
export function wholeNumber(scope: Construct, key: string): number | undefined {
  const value: unknown = scope.node.tryGetContext(key) ?? '';
  if (value === '') {
    return undefined;
  }
  if (!/^[1-9]\d*$/.test(String(value))) {
    throw new Error(`The context ${key} must be a number from 1, got ${JSON.stringify(value)}.`);
  }
  return Number(value);
}
