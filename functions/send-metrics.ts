import { Metrics } from '@aws-lambda-powertools/metrics';
import { type MetricName, type MetricOf, metrics, namespace } from './metrics.ts';

/** A value for each metric that is known; or, where it was measured several times, all of them. */
export type Values<Name extends MetricName> = {
  readonly [N in Name]?: number | readonly number[] | undefined;
};

/** Where metrics go. No call ever throws: what cannot be sent is a warning in the log. */
export interface SendMetrics {
  /** Sends metrics of one migration: for itself, and once more for the whole stack. */
  ofMigration(migration: string, values: Values<MetricOf<'migration'>>): void;
  ofStack(values: Values<MetricOf<'stack'>>): void;
}

/**
 * Metrics as lines on stdout, in CloudWatch's embedded metric format.
 *
 * @param stack The stack's name, the dimension that all of them have.
 * @param logger Is warned of what cannot be sent.
 */
export function sendMetrics(
  stack: string,
  logger: { warn(message: string, error: Error): void },
): SendMetrics {
  const powertools = new Metrics({ namespace });
  // Among them is the function's name, by which nobody asks.
  powertools.clearDefaultDimensions();
  powertools.setDefaultDimensions({ stack });

  const send = (dimensionSets: readonly Readonly<Record<string, string>>[], values: Values<MetricName>) => {
    try {
      for (const line of linesOf(values)) {
        for (const beside of dimensionSets) {
          powertools.addDimensions(beside);
        }
        for (const [name, value] of line) {
          powertools.addMetric(name, metrics[name].unit, value);
        }
        powertools.publishStoredMetrics();
      }
    } catch (error) {
      powertools.clearMetrics();
      powertools.clearDimensions();
      logger.warn('metrics that could not be sent', error as Error);
    }
  };
  return {
    ofMigration: (migration, values) => send([{}, { migration }], values),
    ofStack: (values) => send([{}], values),
  };
}

// A line takes a hundred values of a metric. Powertools sends it by itself with the hundredth, and without what else belongs to it.
const mostValues = 99;

/** The values by the lines that they are sent in. */
function linesOf(values: Values<MetricName>): (readonly [MetricName, number])[][] {
  const lines: (readonly [MetricName, number])[][] = [];
  for (const [name, given] of Object.entries(values) as [
    MetricName,
    number | readonly number[] | undefined,
  ][]) {
    for (const [i, value] of [given ?? []].flat().entries()) {
      const line = Math.floor(i / mostValues);
      lines[line] ??= [];
      lines[line].push([name, value]);
    }
  }
  return lines;
}
