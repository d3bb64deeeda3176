/** Some values of a metric, with one moment and one set of dimensions. */
export interface Datapoint {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Dimensions;
  readonly unit: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly values: readonly number[];
}

export type Dimensions = Readonly<Record<string, string>>;

/** Whether two sets of dimensions are the same: a metric with one more is another metric. */
export function isSame(a: Dimensions, b: Dimensions): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
