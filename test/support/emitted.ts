import { namespace } from '../../functions/metrics.ts';

/** A metric as a line of a function's log has it. */
export interface Emitted {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The names of its dimensions: a set for each metric that it is in CloudWatch. */
  readonly dimensionSets: readonly (readonly string[])[];
  /** The values of all its dimensions, by their names. */
  readonly dimensions: Readonly<Record<string, string>>;
}

/** The metrics in lines of a log, as CloudWatch reads them there. */
export function emittedIn(lines: readonly string[]): Emitted[] {
  return jsonLines(lines)
    .filter(isEmbedded)
    .flatMap((line) =>
      line._aws.CloudWatchMetrics.filter(({ Namespace }) => Namespace === namespace).flatMap(
        ({ Metrics, Dimensions }) =>
          Metrics.map(({ Name, Unit }) => ({
            name: Name,
            unit: Unit,
            values: [line[Name] as number | number[]].flat(),
            dimensionSets: Dimensions,
            dimensions: Object.fromEntries(Dimensions.flat().map((name) => [name, line[name] as string])),
          })),
      ),
    );
}

/** The lines of a log that are JSON. */
export function jsonLines(lines: readonly string[]): Readonly<Record<string, unknown>>[] {
  return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

interface Embedded {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [field: string]: unknown;
}

const isEmbedded = (line: object): line is Embedded => '_aws' in line;
