import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { synthesize } from '../../infra/synthesize.ts';
import { readAssembly } from '../../local/assembly/assembly.ts';
import { type LambdaFunction, startFunction } from '../../local/lambda/function.ts';
import { assemblyFolder } from '../support/assembly-folder.ts';
import { demoApplication, migrations, prepareDemo } from '../support/demo.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { startTestRuntime, type TestRuntime } from '../support/runtime.ts';

/** The bundle that is deployed, as a dashboard calls it. */
describe('the progress widget', () => {
  let runtime: TestRuntime;
  let proxy: FaultProxy;
  let lambda: LambdaFunction;
  /** The paths and bodies of what it asked of the Data API since the test began. */
  const calls: { readonly path: string; readonly sql: string }[] = [];
  let isBroken = false;

  beforeAll(async () => {
    runtime = await startTestRuntime();
    await runtime.database.query(`ALTER DATABASE ${runtime.database.name} SET search_path = demo, public`);
    await prepareDemo({ connectionString: runtime.database.url }, true);
    proxy = await startFaultProxy({
      target: runtime.rdsData.url,
      onCall: ({ path, body }) => {
        calls.push({ path, sql: JSON.parse(body).sql });
        return isBroken ? 'refuse' : 'pass';
      },
    });
    const folder = assemblyFolder();
    const { template } = synthesize({ outdir: folder, application: demoApplication() });
    const spec = readAssembly(template, { folder }).functions.find(({ name }) =>
      name.includes('ProgressWidget'),
    );
    if (spec === undefined) {
      throw new Error('the stack has no progress widget');
    }
    const environment = {
      ...spec.environment,
      ...runtime.clientEnvironment,
      AWS_ENDPOINT_URL_RDS_DATA: proxy.url,
    };
    lambda = startFunction({ ...spec, environment, log: () => {} });
  });
  afterAll(async () => {
    await lambda.stop();
    await proxy.close();
    await runtime.close();
  });

  async function shown(request: object = {}): Promise<string> {
    calls.length = 0;
    const outcome = await lambda.invoke({ widgetContext: { theme: 'light' }, ...request }, lambda.arn);
    expect(outcome).toMatchObject({ status: 'succeeded', payload: expect.any(String) });
    return (outcome as { payload: string }).payload;
  }

  test('says what it is where it is asked, without a look at the database', async () => {
    expect(await shown({ describe: true })).toMatch(/^## Data migrations\n/);
    expect(calls).toEqual([]);
  });

  test('before the first run names all that is registered, and says how to begin', async () => {
    const page = await shown();
    expect(page).toContain('Nothing has ever run here. To begin, open the state machine');
    expect(migrations).not.toHaveLength(0);
    expect(page.match(/never run<\/span>/g)).toHaveLength(migrations.length);
  });

  test('promise 15: shows how many rows could not be migrated, by SQLSTATE, and neither keys nor reasons', async () => {
    await runtime.run({ mode: 'foreground' });
    await runtime.database.query(`
      INSERT INTO data_migrations.row_errors (migration, key, run, reason, sqlstate)
      VALUES ('ci-builds-stage-id', '["key of Ada"]', 'r', 'value of Ada', '22P02')`);
    const page = await shown();
    expect(page).toMatch(/ci-builds-stage-id<\/th><td class="dm-number">200<\/td>/);
    expect(page).toMatch(/<td>22P02<\/td><td>a value that does not fit<\/td>/);
    expect(page).not.toMatch(/Ada|still matches/);
  });

  test('has only what a dashboard lets through: no script, no frame, nothing loaded', async () => {
    const page = await shown({ look: 'now' });
    expect(page).toContain('5 finished');
    expect(page).not.toMatch(/<(script|iframe|use|img|link|form|button|object)\b| on\w+="|@import|url\(/i);
    expect(page).toContain('/states/home?region=eu-central-1#/v2/executions/details/arn%3Aaws%3Astates');
    // Lambda answers up to 6 MB; two hundred migrations as long as these five stay far below.
    expect(page.length / migrations.length).toBeLessThan(10_000);
  });

  test('goes by the dashboard’s scheme and its reader’s time zone', async () => {
    const timezone = { offsetISO: '+05:45' };
    const page = await shown({ look: 'now', widgetContext: { theme: 'dark', timezone } });
    expect(page).toContain('<div class="dm dm-dark">');
    expect(page).toMatch(/title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S*\+5:45"/);
  });

  test('changes nothing: every statement is a SELECT, and there are no transactions', async () => {
    await shown({ look: 'now' });
    expect(new Set(calls.map(({ path }) => path))).toEqual(new Set(['/Execute']));
    expect(calls.map(({ sql }) => /^\s*(\w+)/.exec(sql)?.[1])).toEqual(calls.map(() => 'SELECT'));
    expect(calls.map(({ sql }) => sql).join('\n')).not.toMatch(
      /\b(INSERT|UPDATE|DELETE|FOR SHARE|nextval|pg_\w+lock)\b/i,
    );
  });

  test('lets a paused database sleep: while nothing has run since, it shows what it read before', async () => {
    await shown({ look: 'now' });
    const again = await shown();
    expect(calls).toEqual([]);
    expect(again).toContain('5 finished');
    expect(again).toContain('<cwdb-action action="call" endpoint="');
    await runtime.run({ only: 'users-full-name' });
    expect(await shown()).toContain('only users-full-name');
    expect(calls).not.toEqual([]);
  });

  test('draws how fast a migration was from slice to slice, as the ledger has it, and says so in words', async () => {
    await runtime.reset();
    await prepareDemo({ connectionString: runtime.database.url }, true);
    let slices = 0;
    const held = new Promise<void>((resolve) => {
      runtime.between.invocation = (request, invoke) => {
        if (request.operation !== 'batches' || ++slices <= 4) {
          return invoke();
        }
        resolve();
        return new Promise(() => {});
      };
    });
    await runtime.start({ background: 'ci-builds-stage-id' });
    await held;

    const page = await shown({ look: 'now' });
    const [{ samples } = { samples: [] }] = await runtime.database.query<{ samples: [string, number][] }>(
      `SELECT samples FROM data_migrations.rates WHERE migration = 'ci-builds-stage-id'`,
    );
    // Where the first slice began, and where each of the four ended.
    expect(samples).toHaveLength(5);
    const [line, ...others] = page.match(/<svg class="dm-spark"[\s\S]*?<\/svg>/g) ?? [];
    expect(others).toEqual([]);
    expect(/<polyline points="([^"]*)"/.exec(line ?? '')?.[1]?.split(' ')).toHaveLength(4);
    expect(line).toMatch(/role="img" aria-label="rows per second over the last \d+ s: [\d.,]+ to [\d.,]+"/);
    expect(line).not.toMatch(/<script|<style|style=|url\(/);
  });

  test('says so where the ledger cannot be read', async () => {
    isBroken = true;
    const page = await shown({ look: 'now' });
    isBroken = false;
    expect(page).toContain('The ledger cannot be read');
    expect(page).toContain('role="alert"');
  });
});
