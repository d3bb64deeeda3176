import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data';
import { MultiBar, type SingleBar } from 'cli-progress';

/** How far a migration or a rebuild is. */
export interface Step {
  readonly name: string;
  readonly done: number;
  readonly known: number;
  readonly ended: boolean;
}

/** Where the ledger is read. */
export interface LedgerTarget {
  readonly client: RDSDataClient;
  readonly clusterArn: string;
  readonly secretArn: string;
  readonly databaseName: string;
}

/** Reads from the ledger how far the given run is; nothing while there is no ledger yet. */
export async function readSteps(target: LedgerTarget, run: string, rebuild: string): Promise<Step[]> {
  const { clusterArn: resourceArn, secretArn, databaseName: database, client } = target;
  const ask = new ExecuteStatementCommand({
    resourceArn,
    secretArn,
    database,
    sql: `
      SELECT name, total_processed AS done, GREATEST(rows_known, total_processed) AS known, status = 'finished' AS ended
      FROM data_migrations.migrations WHERE run = :run
      UNION ALL
      SELECT job, events, (SELECT count(*) FROM employee_events), finished_at IS NOT NULL
      FROM data_migrations.rebuilds WHERE execution_arn = :rebuild`,
    parameters: [
      { name: 'run', value: { stringValue: run } },
      { name: 'rebuild', value: { stringValue: rebuild } },
    ],
  });
  try {
    const { records = [] } = await client.send(ask);
    return records.map(([name, done, known, ended]) => ({
      name: name?.stringValue ?? '',
      done: done?.longValue ?? 0,
      known: known?.longValue ?? 0,
      ended: ended?.booleanValue ?? false,
    }));
  } catch {
    return []; // the first run creates the ledger; and a look at the progress must never disturb the run
  }
}

/** Shows progress on stderr: bars on a terminal, a line when something changes everywhere else. */
export function progressOn(stream: NodeJS.WriteStream): { show(steps: readonly Step[]): void; stop(): void } {
  return stream.isTTY ? bars(stream) : lines(stream);
}

function bars(stream: NodeJS.WriteStream) {
  const multi = new MultiBar({
    stream,
    format: '{bar} {percentage} %  {name}  {value} of {total}',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: false,
  });
  const shown = new Map<string, SingleBar>();
  return {
    show(steps: readonly Step[]) {
      for (const { name, done, known } of steps) {
        const bar = shown.get(name) ?? multi.create(known, 0, { name });
        shown.set(name, bar);
        bar.setTotal(known);
        bar.update(done, { name });
      }
    },
    stop: () => multi.stop(),
  };
}

function lines(stream: NodeJS.WriteStream) {
  const said = new Map<string, string>();
  return {
    show(steps: readonly Step[]) {
      for (const { name, done, known, ended } of steps) {
        // In tenths, so that a log of a long run stays readable.
        const tenth = known === 0 ? 10 : Math.floor((done / known) * 10);
        const line = `${name}: ${ended ? 'done' : `${tenth * 10} %`}`;
        if (said.get(name) === line) continue;
        said.set(name, line);
        stream.write(`${line}${ended ? `, ${done} rows` : ''}\n`);
      }
    },
    stop() {},
  };
}
