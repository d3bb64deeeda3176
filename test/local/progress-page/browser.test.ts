import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeInBrowser, startBrowser } from '../../support/browser.ts';
import { prepareDemo } from '../../support/demo.ts';
import { startTestRuntime, type TestRuntime } from '../../support/runtime.ts';
import { type PageAt, pageAt } from './page-at.ts';

/** The folder for pictures of the page, which are made only for who asks: SCREENSHOTS=docs/progress-page. */
const pictures = process.env.SCREENSHOTS;
const phone: BrowserContextOptions = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};
const axe = createRequire(import.meta.url).resolve('axe-core');

describeInBrowser('the progress page in a browser', () => {
  let runtime: TestRuntime;
  let at: PageAt;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    [runtime, browser] = await Promise.all([startTestRuntime(), startBrowser()]);
    await runtime.database.query(`ALTER DATABASE ${runtime.database.name} SET search_path = demo, public`);
    at = await pageAt(runtime);
  });
  afterAll(async () => {
    await browser.close();
    await at.close();
    await runtime.close();
  });
  afterEach(() => page.context().close());

  /** Makes the demo's data anew, without a ledger. */
  async function begin(): Promise<void> {
    await runtime.reset();
    await prepareDemo({ connectionString: runtime.database.url }, true);
  }
  /** Waits until the migration in the background has done so many rows, and holds it there as under pressure. */
  async function heldAfter(rows: number): Promise<void> {
    const ofBuilds = "name = 'ci-builds-stage-id'";
    const line = `SELECT total_processed::int AS done FROM data_migrations.migrations WHERE ${ofBuilds}`;
    for (let done = 0; done < rows; ) {
      [done = 0] = (await runtime.database.query<{ done: number }>(line)).map((row) => row.done);
      await sleep(50);
    }
    runtime.between.call = () => new Promise(() => {});
    await sleep(200); // what is under way comes to its end
    await runtime.database.query(`
      UPDATE data_migrations.migrations SET resting = jsonb_build_object('until', now() + interval '40 s',
        'held_since', now() - interval '6 min', 'reason', 'autovacuum is at work on ci_builds')
      WHERE ${ofBuilds}`);
  }
  async function open(options: BrowserContextOptions = {}, url = at.url): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1240, height: 900 }, ...options });
    page = await context.newPage();
    await page.clock.install();
    await page.goto(url);
    return page;
  }
  /** Waits until the page has looked again by itself: it begins the next look only once it shows what it has seen. */
  async function looksAgain(): Promise<void> {
    for (const _ of ['this look', 'the next one']) {
      let hasBegun = false;
      const begun = page
        .waitForRequest((request) => request.resourceType() === 'fetch')
        .then(() => {
          hasBegun = true;
        });
      while (!hasBegun) {
        await page.clock.runFor(2_000);
      }
      await begun;
    }
  }
  const of = (migration: string) => page.locator(`[id="dm-of-${migration}"]`);
  const percent = async (migration: string): Promise<number> =>
    Number(await of(migration).getByRole('progressbar').getAttribute('aria-valuenow'));
  const focused = () => page.evaluate('document.activeElement.id');

  /** What axe finds wrong, with contrast, names and roles among it. */
  async function problems(): Promise<string[]> {
    await page.evaluate(await readFile(axe, 'utf8'));
    return page.evaluate(async () => {
      // A global that the line above has made.
      const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
  }
  async function picture(name: string): Promise<void> {
    if (pictures) {
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: `${pictures}/${name}.png` });
    }
  }
  const isNarrowEnough = () =>
    page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth');

  describe('of a demo that has not run yet', () => {
    beforeEach(begin);

    test('before anything has run says how to begin', async () => {
      await open();
      expect(await page.getByRole('main').innerText()).toContain(
        'Nothing has ever run here. To begin, type in another terminal: npx migrations start --local',
      );
      expect(await problems()).toEqual([]);
    });

    test('the bars of a run move by themselves, and the focus stays where it is', async () => {
      let allowed = 0;
      let calls = 0;
      runtime.between.call = async () => {
        calls += 1;
        for (const mine = calls; mine > allowed; ) {
          await sleep(5);
        }
        return 'pass' as const;
      };
      await open();
      await page.evaluate('window.isTheSamePage = true');
      await page.getByRole('button', { name: 'Pause ci-builds-stage-id' }).focus();
      const run = runtime.run({ only: 'employee-event-payloads' });
      const seen = new Set<number>();
      while ([...seen].filter((each) => each > 0 && each < 100).length < 3) {
        allowed += 5;
        await looksAgain();
        if ((await of('employee-event-payloads').getByRole('progressbar').count()) > 0) {
          seen.add(await percent('employee-event-payloads'));
        }
      }
      expect([...seen]).toEqual([...seen].toSorted((a, b) => a - b));
      allowed = Number.POSITIVE_INFINITY;
      expect((await run).status).toBe('SUCCEEDED');
      await looksAgain();
      expect(await of('employee-event-payloads').innerText()).toMatch(/finished[\s\S]*100 %[\s\S]*20,000/);
      expect(await page.evaluate('window.isTheSamePage')).toBe(true);
      expect(await focused()).toBe('dm-pause-ci-builds-stage-id');
    });

    test('a run that fails shows why, and goes on by the keyboard alone once that is mended', async () => {
      await runtime.database.query(
        "ALTER TABLE demo.engine_configs ADD CONSTRAINT broken CHECK (conditions::text NOT LIKE '%conditions%') NOT VALID",
      );
      await runtime.run();
      await open();
      const failed = of('engine-config-condition-groups');
      expect(await failed.innerText()).toMatch(
        /failed[\s\S]*ErrorBudgetSpent: migration "engine-config-condition-groups"/,
      );
      expect(await page.getByRole('region', { name: 'Row errors' }).innerText()).toMatch(
        /engine-config-condition-groups\s+101\s+23514\s+a constraint of the table/,
      );
      expect(await problems()).toEqual([]);

      await runtime.database.query('ALTER TABLE demo.engine_configs DROP CONSTRAINT broken');
      for (let tabs = 0; (await focused()) !== 'dm-resume-the-run'; tabs += 1) {
        expect(tabs).toBeLessThan(20);
        await page.keyboard.press('Tab');
      }
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
      await page.keyboard.press('Enter');
      await page.getByRole('status').waitFor();
      expect(await page.getByRole('status').innerText()).toMatch(/was FAILED: started again as/);
      while (!/finished/.test(await failed.innerText())) {
        await looksAgain();
      }
    });

    test('pauses a migration, shows by whom, and resumes it', async () => {
      await runtime.run({ only: 'users-full-name' });
      await open();
      await page.getByRole('button', { name: 'Pause audience-updated-at' }).click();
      expect(await page.getByRole('status').innerText()).toContain('audience-updated-at is paused');
      expect(await of('audience-updated-at').innerText()).toMatch(/paused[\s\S]*Paused by \S+@\S+ since/);
      await page.getByRole('button', { name: 'Resume audience-updated-at' }).click();
      while (!/finished/.test(await of('audience-updated-at').innerText())) {
        await looksAgain();
      }
    });
  });

  describe('of a demo that has run', () => {
    beforeAll(async () => {
      await begin();
      await runtime.run();
      await heldAfter(10_000);
    });

    test.each(['light', 'dark'] as const)(
      'in the %s scheme is readable, with all that it can show',
      async (colorScheme) => {
        await open({ colorScheme });
        await picture(colorScheme);
        for (const unfolded of await page.locator('summary').all()) {
          if (!(await unfolded.evaluate('(it) => it.parentElement.open'))) {
            await unfolded.click();
          }
        }
        expect(await problems()).toEqual([]);
        const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        expect(ground).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 23, 29)');
      },
    );

    test('fits a phone, without scrolling sideways', async () => {
      await open(phone);
      expect(await isNarrowEnough()).toBe(true);
      expect(await problems()).toEqual([]);
      await picture('phone');
    });

    test('shows what rows, names and people say as text, whatever it is', async () => {
      const hostile = `</td><script>window.isHit = 1</script><img src="x" onerror="window.isHit = 1">" onfocus="window.isHit = 1" \u202ereversed`;
      await runtime.database.query(
        'INSERT INTO data_migrations.migrations (name, status, run) VALUES ($1, $2, $1)',
        [hostile, 'failed'],
      );
      await runtime.database.query(
        'INSERT INTO data_migrations.row_errors (migration, key, run, reason, sqlstate) VALUES ($1, to_jsonb(ARRAY[$1]), $1, $1, $1)',
        [hostile],
      );
      await runtime.database.query(
        'INSERT INTO data_migrations.history (event, migration, run, who, detail) VALUES ($1, $1, $1, $1, $1)',
        [hostile],
      );
      await runtime.database.query(
        `INSERT INTO data_migrations.runs (execution_arn, redrive_count, status, failure) VALUES ($1, 0, 'failed', $1)`,
        [hostile],
      );
      await runtime.database.query(
        `INSERT INTO data_migrations.controls (migration, paused) VALUES ('ci-builds-stage-id', jsonb_build_object('by', $1::text, 'at', now(), 'reason', $1::text))`,
        [hostile],
      );
      await open(phone);
      for (const folded of await page.locator('summary').all()) {
        await folded.click();
      }
      await looksAgain();
      expect(await page.evaluate('window.isHit')).toBeUndefined();
      expect(await page.locator('img, main script, [onerror], [onfocus]').count()).toBe(0);
      const text = await page.getByRole('main').innerText();
      const shown = hostile.replace('\u202e', '\\u202e');
      expect(text.split(shown).length - 1).toBeGreaterThanOrEqual(10);
      expect(text).not.toContain('\u202e');
      expect(await isNarrowEnough()).toBe(true);
    });

    test('takes 200 migrations, those that are done folded up', async () => {
      const registered = Array.from({ length: 200 }, (_, i) => ({
        name: `migration-${i}`,
        kind: 'backfill' as const,
      }));
      await runtime.database.query('TRUNCATE data_migrations.migrations, data_migrations.row_errors CASCADE');
      await runtime.database.query(`
      INSERT INTO data_migrations.migrations (name, status, run, total_processed, rows_known, finished_at)
      SELECT 'migration-' || i, CASE WHEN i < 190 THEN 'finished' ELSE 'failed' END, 'none', i * 1000, 200000, CASE WHEN i < 190 THEN now() END
      FROM generate_series(0, 197) i`);
      const other = await at.ofMigrations(registered);
      await open({}, other.url);
      expect(await page.getByRole('main').innerText()).toMatch(/^8 failed, 2 never run, 190 finished/);
      expect(await page.getByRole('progressbar').count()).toBe(8);
      expect(await of('migration-7').isVisible()).toBe(false);
      await page.getByText('190 migrations with nothing left to do').click();
      await looksAgain(); // it stays unfolded
      expect(await of('migration-7').isVisible()).toBe(true);
      expect(await of('migration-197').innerText()).toMatch(/failed[\s\S]*98\.5 %[\s\S]*197,000 of 200,000/);
      expect(await isNarrowEnough()).toBe(true);
    });

    test('says when nothing answers any more, and that what it shows is old', async () => {
      const other = await at.ofMigrations([]);
      await open({}, other.url);
      await other.close();
      await page.clock.runFor(2_000);
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').innerText()).toMatch(/^Nothing answers here any more/);
    });
  });
});
