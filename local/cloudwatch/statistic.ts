/** The statistics of CloudWatch that alarms here use, over the values of a period: at least one. */
const statistics: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Sum: (values) => values.reduce((sum, value) => sum + value, 0),
  Average: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  Maximum: (values) => values.reduce((most, value) => Math.max(most, value)),
  SampleCount: (values) => values.length,
};

/**
 * A statistic of some values; undefined for none, since no data is no number. `p90` is the value that nine of ten do not exceed.
 *
 * @throws for a statistic that is not known here.
 */
export function statisticOf(name: string, values: readonly number[]): number | undefined {
  const [, percent] = /^p(\d{1,2}(?:\.\d+)?)$/.exec(name) ?? [];
  const statistic = percent === undefined ? statistics[name] : percentile(Number(percent));
  if (statistic === undefined) {
    throw new Error(`the statistic ${name} is not known here`);
  }
  return values.length === 0 ? undefined : statistic(values);
}

const percentile =
  (percent: number) =>
  (values: readonly number[]): number => {
    const ordered = values.toSorted((a, b) => a - b);
    return ordered[Math.max(0, Math.ceil((percent / 100) * ordered.length) - 1)] as number;
  };
