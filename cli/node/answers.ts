import type { ValidationResult } from '../../functions/contract.ts';
import type { RowMigration } from '../../functions/engine/define/registered.ts';
import { fingerprint } from '../../functions/engine/trial/table-fingerprint.ts';
import type { System } from '../system/system.ts';
import { type Ask, type Message, Refusal } from './message.ts';
import { run } from './run.ts';

/** What each type of message is answered with, apart from what it is in reply to. Throws Refusal. */
export const answers: {
  readonly [Type in Message['type']]: (system: System, ask: Ask<Type>) => Promise<object>;
} = {
  backfill,
  validate,
  migrate,
};

/** Runs the migration that changes this column, in batches of this size at most. */
async function backfill(system: System, ask: Ask<'backfill'>): Promise<object> {
  const migrations = ofTable(system, ask.table);
  const { name } = theOne(
    ask,
    migrations.filter(({ columns }) => columns.includes(ask.column)),
    `${ask.table}.${ask.column}; of ${ask.table} they change ${listed(migrations.flatMap(({ columns }) => columns))}`,
  );
  const { processed, updated, errors, seconds } = await migrated(system, name, ask.batch_size);
  return {
    type: 'backfill_complete',
    total_processed: processed,
    total_updated: updated,
    duration_seconds: seconds,
    ...(errors > 0 && { errors }),
  };
}

/** Asks the validations that migrations of this table declare: now, and just these. */
async function validate(system: System, { table, validations }: Ask<'validate'>): Promise<object> {
  const migrations = ofTable(system, table);
  const declaring = new Map<string, RowMigration>();
  // The first to declare a name has it.
  for (const migration of [...migrations].reverse()) {
    for (const { name } of migration.validate) {
      declaring.set(name, migration);
    }
  }
  const unknown = validations.filter((name) => !declaring.has(name));
  if (unknown.length > 0) {
    const known = listed([...declaring.keys()]);
    throw new Refusal(
      'unknown',
      `no migration of ${table} declares ${unknown.join(', ')}; declared are ${known}`,
    );
  }
  const found: ValidationResult[] = [];
  for (const { name } of new Set(validations.map((asked) => declaring.get(asked) as RowMigration))) {
    const { answer } = await run(system, { validate: name }, name);
    if (answer !== 'skipped' && 'validations' in answer) {
      const own = (answer.validations ?? []).filter((result) => declaring.get(result.name)?.name === name);
      found.push(...own);
    }
  }
  return {
    type: 'validation_results',
    results: validations.map((asked) => {
      const result = found.find(({ name }) => name === asked);
      if (result === undefined) {
        throw new Refusal('crash', `the run did not say what came of ${asked}`);
      }
      return { name: asked, passed: result.passed, failed_rows: result.failed_rows };
    }),
  };
}

/** Runs a migration several times on the real table, and compares what the first and the last run have left there. */
async function migrate(system: System, ask: Ask<'migrate'>): Promise<object> {
  const migration = theOne(ask, ofTable(system, ask.table), ask.table);
  const database = await system.database();
  let updated = 0;
  let first: string | undefined;
  for (let n = 1; n <= ask.runs; n += 1) {
    updated += (await migrated(system, migration.name)).updated;
    first ??= await fingerprint(database, migration);
  }
  const last = ask.runs === 1 ? first : await fingerprint(database, migration);
  return {
    type: 'migration_complete',
    rows_updated: updated,
    final_state: first === last ? 'unchanged' : 'changed',
  };
}

/** Runs a migration without rests; nothing is processed where it has no work. */
async function migrated(system: System, only: string, batch_size?: number) {
  const input = { only, ...(batch_size !== undefined && { batch_size }), mode: 'foreground' } as const;
  const { answer, seconds } = await run(system, input, only);
  return answer !== 'skipped' && 'total_processed' in answer
    ? { processed: answer.total_processed, updated: answer.total_updated, errors: answer.errors, seconds }
    : { processed: 0, updated: 0, errors: 0, seconds };
}

function ofTable({ registered }: System, table: string): readonly RowMigration[] {
  const all = registered.flatMap((migration) => (migration.kind === 'alterTables' ? [] : [migration]));
  const found = all.filter((migration) => migration.table === table);
  if (found.length > 0) {
    return found;
  }
  const tables = listed(all.map((migration) => migration.table));
  throw new Refusal('unknown', `no migration changes rows of ${table}; there are some of ${tables}`);
}

/** The one migration that is meant: of several, the message names it. */
function theOne(
  { migration: asked }: Ask<'backfill' | 'migrate'>,
  found: readonly RowMigration[],
  what: string,
): RowMigration {
  const named = found.filter(({ name }) => asked === undefined || asked === name);
  const [one] = named;
  if (one === undefined) {
    throw new Refusal('unknown', `no migration ${asked ?? ''} changes ${what}`.replace('  ', ' '));
  }
  if (named.length === 1) {
    return one;
  }
  const names = listed(named.map(({ name }) => name));
  throw new Refusal('ambiguous', `several migrations change it: ${names}; say which with "migration"`);
}

const listed = (names: readonly string[]): string => [...new Set(names)].sort().join(', ') || 'none';
