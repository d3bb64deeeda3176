import { Stack } from 'aws-cdk-lib';
import { type ILogGroup, QueryDefinition, QueryString, type QueryStringProps } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** The queries, by what they are about: over the log of the `migrate` Lambda, whose lines are JSON. */
const queries = {
  Slices: {
    fields: [
      ...['@timestamp', 'migration', 'operation', 'state', 'RowsProcessed', 'RowsUpdated', 'RowErrors'],
      ...['RowsLeft', 'RowsPerSecond', 'Lanes', 'RestSeconds', 'rest.reason', 'SecondsLeft', 'run'],
    ],
    filterStatements: ["message = 'slice'"],
    sort: '@timestamp desc',
    limit: 500,
  },
  Holds: {
    fields: ['@timestamp', 'migration', 'HoldSeconds', 'hold.seconds', 'hold.reason', 'run'],
    filterStatements: ["message = 'slice'", 'ispresent(hold.reason)'],
    sort: '@timestamp desc',
    limit: 500,
  },
  'Row errors': {
    filterStatements: ["message = 'slice'", 'RowErrors > 0'],
    statsStatements: ['sum(RowErrors) as rows, max(@timestamp) as latest by migration, run'],
    sort: 'latest desc',
    limit: 100,
  },
  Failures: {
    fields: ['@timestamp', 'error', 'cause', 'run'],
    filterStatements: ["message = 'run failed'"],
    sort: '@timestamp desc',
    limit: 100,
  },
  'Slowest batches': {
    fields: [
      ...['@timestamp', 'migration', 'BatchSeconds.longest', 'BatchSeconds.p99', 'BatchSeconds.p50'],
      ...['LockSeconds.longest', 'BatchSeconds.count', 'FailuresTriedAgain', 'run'],
    ],
    filterStatements: ["message = 'slice'", 'ispresent(BatchSeconds.longest)'],
    sort: 'BatchSeconds.longest desc',
    limit: 50,
  },
} as const satisfies Readonly<Record<string, QueryStringProps>>;

/** Queries for Logs Insights, saved in a folder with the name of the stack. They cost nothing until somebody runs one. */
export class LogQueries extends Construct {
  constructor(scope: Construct, id: string, { logs }: { readonly logs: ILogGroup }) {
    super(scope, id);
    for (const [name, query] of Object.entries<QueryStringProps>(queries)) {
      new QueryDefinition(this, name, {
        queryDefinitionName: `${Stack.of(this).stackName}/${name}`,
        queryString: new QueryString(query),
        logGroups: [logs],
      });
    }
  }
}
