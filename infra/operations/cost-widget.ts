import { Duration } from 'aws-cdk-lib';
import {
  type IWidget,
  MathExpression,
  type Metric,
  SingleValueWidget,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { functionMemoryMegabytes } from '../deployment.ts';
import { listPrices } from '../prices.ts';

const gigabytes = functionMemoryMegabytes / 1_024;

/**
 * What the time shown has cost so far, in dollars, of what CloudWatch counts and what costs most: the Lambda of the migrations, and the
 * capacity of Aurora, which the application uses as well.
 *
 * @param capacity Aurora's capacity units, the average.
 */
export function costWidget(migrate: IFunction, capacity: Metric): IWidget {
  const lambda = new MathExpression({
    label: 'Lambda of the migrations, $',
    // Without an exponent in any number, which CloudWatch does not read.
    expression: `spent / 1000 * ${gigabytes} * ${listPrices.lambda_arm64_per_gb_second} + asked / 1000000 * ${listPrices.lambda_per_million_requests}`,
    usingMetrics: {
      spent: migrate.metricDuration({ statistic: Stats.SUM, period }),
      asked: migrate.metricInvocations({ statistic: Stats.SUM, period }),
    },
    period,
  });
  const aurora = new MathExpression({
    label: 'Aurora capacity, whoever used it, $',
    expression: `units * PERIOD(units) / 3600 * ${listPrices.aurora_per_acu_hour}`,
    usingMetrics: { units: capacity },
    period,
  });
  return new SingleValueWidget({
    title: `Cost in the time shown, by the list prices of ${listPrices.region}, ${listPrices.asOf}`,
    width: 24,
    height: 4,
    // The whole of that time is one period, so that sums and averages are of all of it.
    setPeriodToTimeRange: true,
    metrics: [lambda, aurora],
  });
}

const period = Duration.minutes(1);
