import { expect, test } from 'vitest';
import { prices } from '../../../cli/plan/cost.ts';
import type { Synthesized } from '../../../infra/synthesize.ts';
import { propertiesOf, resourcesOf, spelled, stage, synthesized } from '../synthesized.ts';

interface Widget {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: { readonly title?: string; readonly metrics?: readonly (readonly unknown[])[] };
}

const made = synthesized();

function widgetsOf(stack: Synthesized): readonly Widget[] {
  const [dashboard] = Object.values(
    propertiesOf<{ readonly DashboardBody: unknown }>(stack, 'AWS::CloudWatch::Dashboard'),
  );
  return (JSON.parse(spelled(dashboard?.DashboardBody)) as { widgets: Widget[] }).widgets;
}

/** The values of a dimension in the metrics that a dashboard asks for. */
function valuesOf(stack: Synthesized, dimension: string): Set<unknown> {
  const lines = widgetsOf(stack).flatMap(({ properties }) => properties.metrics ?? []);
  return new Set(lines.filter((line) => line[2] === dimension).map((line) => line[3]));
}

test('the dashboard shows the database that is migrated, also one that was there already', () => {
  const [cluster, ...others] = valuesOf(stage('staging'), 'DBClusterIdentifier');
  expect(cluster).toContain('data-migrations-staging-database');
  expect(others).toEqual([]);
  const onExisting = synthesized({
    clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders',
    secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd',
    databaseName: 'orders',
  });
  expect(valuesOf(onExisting, 'DBClusterIdentifier')).toEqual(new Set(['orders']));
});

test('the dashboard shows the executions of each machine, those of follow-up jobs too', () => {
  const machines = Object.keys(resourcesOf(made, 'AWS::StepFunctions::StateMachine'));
  expect(valuesOf(made, 'StateMachineArn')).toEqual(new Set(machines.map((id) => `<${id}>`)));
});

test('the widgets have titles, and none lies on another or sticks out', () => {
  const widgets = widgetsOf(made);
  expect(widgets.filter(({ properties }) => properties.metrics && !properties.title)).toEqual([]);
  const taken = widgets.flatMap(({ x, y, width, height }) =>
    Array.from({ length: width * height }, (_, i) => `${x + (i % width)},${y + Math.floor(i / width)}`),
  );
  expect(new Set(taken).size).toBe(taken.length);
  expect(widgets.filter(({ x, width }) => x + width > 24)).toEqual([]);
});

test('the dashboard says what the time shown has cost, by the same prices as the plan', () => {
  const [widget] = widgetsOf(made).filter(({ properties }) => properties.title?.startsWith('Cost '));
  const expressions = (widget?.properties.metrics ?? []).flatMap(([first]) =>
    typeof first === 'object' && first !== null && 'expression' in first ? [String(first.expression)] : [],
  );
  const [lambda = '', aurora = ''] = expressions;
  // A thousand invocations that took a second each, of a Lambda with half a gigabyte.
  const dollars = new Function('spent', 'asked', `return ${lambda}`)(1_000_000, 1_000);
  expect(dollars).toBeCloseTo(
    500 * prices.lambda_arm64_per_gb_second + prices.lambda_per_million_requests / 1_000,
  );
  expect(aurora).toBe('units * PERIOD(units) / 3600 * 0.12');
});
