import { type MetricName, metrics, namespace } from '../../functions/metrics.ts';

/** docs/metrics.md: the metrics that are sent, from the table that the code sends them by. */
export async function metricsPage(): Promise<string> {
  return `<!-- Written by \`npm run docs\` from functions/metrics.ts; do not edit. -->

# Metrics

They are in CloudWatch in the namespace \`${namespace}\`, with the dimension \`stack\`, which is the stack's name. Those of a migration are there
twice: under \`stack\` for all migrations together, and under \`stack\` and \`migration\`. None of them has keys or values of rows.

The dashboard with the name of the stack shows all of them beside the metrics of Aurora, Step Functions and Lambda.

## Of a migration

${table('migration')}

A slice sends them at its end, after four minutes at most; one that fails sends what it has counted until then. For each lane that has an
invocation of its own, there is a slice of its own. \`BatchSeconds\` and \`LockSeconds\` have each batch, so that percentiles of them are those
of the batches. \`HoldSeconds\`, \`SecondsLate\`, \`SecondsLeft\`, \`RowsLeft\`, \`LockWaits\` and \`Lanes\` say how it stands: take their maximum or minimum, not their sum.
The database is asked for \`LockWaits\` every five seconds at most, with what else tells of pressure, and not at all under \`force\`.
A row that is still bad counts once more in each run that tries it again.

## Of the stack

${table('stack')}

A run is what a start stands for, its parts included. A migration that goes on in the background does so in a run of its own. A run that
is stopped has neither succeeded nor failed, and its redrive is no new start. The ledger says whether a run has begun, succeeded or failed before, so
that what is tried again counts once; should the Lambda be killed just after it told the ledger, it does not count. A run
whose follow-up jobs could not be started has succeeded and failed.

## In the log

Each slice writes one line of JSON into the Lambda's log, with \`message\` \`slice\` and the same names:

| field | |
|---|---|
| \`migration\`, \`run\`, \`operation\` | which migration, by which execution, \`lane\` for a lane in an invocation of its own |
| \`state\` | \`done\`, \`more\`, \`lanes\` before several go on at once, \`lost\` to another invocation, or \`failed\` |
| \`BatchSeconds\`, \`LockSeconds\` | \`count\`, \`p50\`, \`p99\`, \`longest\` |
| \`rest\`, \`hold\` | \`seconds\` and \`reason\` of the pause that follows |

\`restoring\` and \`validating\` are the lines of slices that put rows back and check them, \`run failed\` has the \`error\` and \`cause\` of a run. In Logs Insights,
the saved queries in the folder of the stack's name read these lines: *Slices*, *Holds*, *Row errors*, *Failures*, *Slowest batches*.

## Traces

X-Ray is off: the trace of a machine that loops for days is costly, and too large to be shown. \`npm run deploy -- -c tracing=true\` switches it on for
machines and Lambdas.
`;
}

function table(of: 'migration' | 'stack'): string {
  const names = Object.keys(metrics) as MetricName[];
  const lines = names
    .filter((name) => metrics[name].of === of)
    .map((name) => `| \`${name}\` | ${metrics[name].unit} | ${metrics[name].about} |`);
  return ['| metric | unit | what it is |', '|---|---|---|', ...lines].join('\n');
}
