import * as v from 'valibot';
import type { Datapoint } from './datapoint.ts';

/** CloudWatch's limits for one set of dimensions, and for the values of one metric in a line. */
const mostDimensions = 30;
const mostValues = 100;

const embedded = v.looseObject({
  _aws: v.strictObject({
    Timestamp: v.number(),
    CloudWatchMetrics: v.array(
      v.strictObject({
        Namespace: v.string(),
        Dimensions: v.array(v.pipe(v.array(v.string()), v.maxLength(mostDimensions))),
        Metrics: v.array(
          v.strictObject({ Name: v.string(), Unit: v.string(), StorageResolution: v.optional(v.number()) }),
        ),
      }),
    ),
  }),
});

const valuesOf = v.union([
  v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(mostValues)),
  v.pipe(
    v.number(),
    v.finite(),
    v.transform((value) => [value]),
  ),
]);

/**
 * The datapoints in a line that a function wrote, by the Embedded Metric Format; none in any other line.
 *
 * @throws for a line that is meant as metrics and that CloudWatch would drop without a word: a dimension or a metric that the line has
 *   no value for, too many of them, a value that is no number.
 */
export function datapointsIn(line: string): readonly Datapoint[] {
  if (!line.includes('"_aws"')) {
    return [];
  }
  const fields = v.parse(embedded, JSON.parse(line));
  const { Timestamp: at, CloudWatchMetrics: directives } = fields._aws;
  return directives.flatMap(({ Namespace: namespace, Dimensions: sets, Metrics: metrics }) =>
    sets.flatMap((set) => {
      const dimensions = Object.fromEntries(set.map((name) => [name, v.parse(v.string(), fields[name])]));
      return metrics.map(({ Name: name, Unit: unit }) => ({
        namespace,
        name,
        dimensions,
        unit,
        at,
        values: v.parse(valuesOf, fields[name]),
      }));
    }),
  );
}
