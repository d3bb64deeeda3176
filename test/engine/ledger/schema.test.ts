import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerScript, upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import { currentVersion } from '../../../functions/engine/ledger/versions.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine({ transactionIdleSeconds: 0.5 });
});
afterAll(() => engine.stop());
beforeEach(() => engine.reset());

const open = (name: string) => ({ operation: 'open', run: caller(name), input: {} }) as const;
const shape = () =>
  engine.database.query(`SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'data_migrations' ORDER BY 1, 2`);

describe('The ledger', () => {
  it('is made by the first run, whatever becomes of any call', async () => {
    await engine.process([]).invoke(open('first'));
    const whole = await shape();
    const calls = engine.statements.length;
    // Together they come to each call.
    for (const [first, attempts, fault] of [
      [1, 1, 'lose-answer'],
      [3, 3, 'lose-answer'],
      [2, 1, 'refuse'],
    ] as const) {
      for (let number = first; number <= calls; number += 3) {
        await engine.reset();
        let count = 0;
        engine.between = () => (++count === number ? fault : undefined);
        await engine.run([], { attempts });
        expect(await shape(), `${fault} at call ${number}`).toEqual(whole);
        expect(await engine.ledger('version')).toHaveLength(currentVersion);
      }
    }
  }, 120_000);

  it('waits seconds, not minutes, for a Lambda that was killed while it made the ledger', async () => {
    const patient = await startEngine(); // the Data API ends an idle transaction after three minutes, as it does
    const dies = patient.process([]);
    patient.between = ({ process, sql: text }) => {
      if (process === dies && text.includes('CREATE TABLE data_migrations.runs')) {
        process.kill();
      }
      return undefined;
    };
    await expect(dies.invoke(open('first'))).rejects.toThrow('was killed');
    const next = () =>
      patient
        .process([])
        .invoke(open('next'))
        .then(
          () => 'opened',
          ({ name }: Error) => name,
        );
    await expect.poll(next, { timeout: 30_000 }).toBe('opened');
    await patient.stop();
  });

  it('is made once by many that open at once', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      engine.executions.set(caller(name).execution_arn, 'RUNNING');
    }
    const opened = await Promise.allSettled(names.map((name) => engine.process([]).invoke(open(name))));
    const reasons = opened.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).name] : []));
    expect(reasons).toEqual(Array(4).fill('MigrationsAlreadyRunning'));
    expect(await engine.ledger('version')).toHaveLength(currentVersion);
  });

  it('is the same when somebody applies the script, and a user without the right to make it can then run', async () => {
    await engine.process([]).invoke(open('first'));
    const whole = await shape();
    await engine.reset();
    await engine.database.query(ledgerScript());
    expect(await shape()).toEqual(whole);
    engine.statements.length = 0;
    await upgradeLedger(engine.dataApi());
    await engine.process([]).invoke(open('next'));
    expect(engine.statements.filter((text) => /CREATE|ALTER/.test(text))).toEqual([]);
  });

  it('is written down in ledger.sql as it is', () => {
    const written = readFileSync(
      new URL('../../../functions/engine/ledger/ledger.sql', import.meta.url),
      'utf8',
    );
    expect(written).toContain(ledgerScript());
  });

  it('of a newer release is refused', async () => {
    await engine.process([]).invoke(open('first'));
    await engine.database.query('INSERT INTO data_migrations.version VALUES (99)');
    await expect(engine.process([]).invoke(open('older'))).rejects.toThrow(
      `the ledger (schema data_migrations) has version 99; this code knows ${currentVersion}: it is of an older release than the one that upgraded the ledger`,
    );
  });

  it('allows one running run, whatever the code does', async () => {
    await engine.process([]).invoke(open('first'));
    const client = new pg.Client({ connectionString: engine.database.url });
    await client.connect();
    await expect(
      client.query(
        `INSERT INTO data_migrations.runs (execution_arn, redrive_count, status) VALUES ('x', 0, 'running')`,
      ),
    ).rejects.toThrow('one_run_for_each_lock');
    await client.end();
  });
});
