import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../../functions/engine/database/sql.ts';
import { ledger } from '../../../functions/engine/ledger/names.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
import type { Overview } from '../../../functions/progress-page/overview.ts';
import { startRates } from '../../../local/progress-page/rates.ts';
import { type ProgressPage, startProgressPage } from '../../../local/progress-page/server.ts';
import { type DemoDatabase, demoDatabase } from '../../support/demo-database.ts';

let demo: DemoDatabase;
let page: ProgressPage;
let done: (readonly [string, string | undefined])[];

beforeAll(async () => {
  demo = await demoDatabase();
  page = await started();
});
afterAll(async () => {
  await page.close();
  await demo.close();
});
beforeEach(() => {
  done = [];
});

function started(port?: number): Promise<ProgressPage> {
  return startProgressPage({
    database: demo.database,
    statusOf: async () => undefined,
    registered: [{ name: 'labels', kind: 'backfill' }],
    howToStart: 'start a run',
    act: async (...what) => {
      done.push(what);
      return `did it <b>`;
    },
    ...(port !== undefined && { port }),
  });
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends what a browser would not let a page send: any Host, any Origin. */
async function send(url: string, { method = 'GET', headers = {}, body = '' }: Sent = {}) {
  const sent = request(url, { method, headers: { ...headers } });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const origin = (): string => new URL(page.url).origin;

const form = 'deed=pause&migration=labels';

describe('the address of the page', () => {
  test('lets in who knows its token, which is another one with each start', async () => {
    const other = await started();
    expect(new URL(page.url).pathname).toMatch(/^\/[0-9a-f]{32}\/$/);
    expect(new URL(other.url).pathname).not.toBe(new URL(page.url).pathname);
    await other.close();
    expect(await send(page.url)).toMatchObject({ status: 200, body: expect.stringContaining('labels') });
  });

  test.each(['/', '/0123456789abcdef0123456789abcdef/', '/refresh.mjs', '/act'])(
    'is not %s',
    async (path) => {
      const { status, body } = await send(new URL(path, page.url).href);
      expect(status).toBe(403);
      expect(body).not.toContain('labels');
    },
  );

  test('by a name that is not this machine’s is refused: somebody else has made that name lead here', async () => {
    expect((await send(page.url, { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  test('with a port that is taken names the flag for another one', async () => {
    await expect(started(Number(new URL(page.url).port))).rejects.toThrow(
      /choose another one with --page-port/,
    );
  });
});

describe('what the page has done', () => {
  const post = (headers: Readonly<Record<string, string>>, body = form) =>
    send(`${page.url}act`, { method: 'POST', headers, body });

  test('is done for the page itself, and told on the next one as text', async () => {
    const { status, headers } = await post({ origin: origin(), 'sec-fetch-site': 'same-origin' });
    expect(status).toBe(303);
    expect(done).toEqual([['pause', 'labels']]);
    const { body } = await send(new URL(headers.location ?? '', page.url).href);
    expect(body).toContain('did it &#60;b&#62;');
  });

  test.each([
    ['without an origin', {}],
    ['for another page', { origin: 'https://evil.example' }],
    ['for another server of this machine', { origin: 'http://127.0.0.1:1' }],
    ['for a page without an origin', { origin: 'null' }],
  ])('is not done %s', async (_, headers) => {
    expect((await post(headers)).status).toBe(403);
    expect(done).toEqual([]);
  });

  test('is not done where the browser says that another page asks', async () => {
    expect((await post({ origin: origin(), 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect(done).toEqual([]);
  });

  test('is one of four things, asked for by POST', async () => {
    expect((await post({ origin: origin() }, 'deed=drop&migration=labels')).status).toBe(400);
    expect((await send(`${page.url}act?${form}`)).status).toBe(403);
    expect(done).toEqual([]);
  });
});

test('of a ledger of another version it shows the migrations, and nothing that it cannot know', async () => {
  await upgradeLedger(demo.database);
  expect((await send(page.url)).body).toContain('No run yet.');
  await demo.database.execute(sql`INSERT INTO ${ledger.version} (version) VALUES (99)`);
  const { body } = await send(page.url);
  expect(body).toMatch(
    /class="dm-about">the ledger has version 99, this checkout knows \d+: a newer one can say more/,
  );
  expect(body).toContain('labels');
  expect(body).not.toContain('No run yet.');
});

test('where the ledger cannot be read it says so, and why', async () => {
  await demo.database.execute(sql`ALTER TABLE ${ledger.version} RENAME COLUMN version TO gone`);
  const { status, body } = await send(page.url);
  expect(status).toBe(503);
  expect(body).toMatch(/role="alert">[\s\S]*cannot be read[\s\S]*SQLState: 42883/);
});

test('the page lets in no script or style but its own, nobody frames it, and no other page learns its address', async () => {
  const { headers } = await send(page.url);
  expect(headers['content-security-policy']).toMatch(
    /default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'self';.*frame-ancestors 'none'/,
  );
  expect(headers).toMatchObject({ 'referrer-policy': 'same-origin', 'cache-control': 'no-store' });
});

test('a line of the rate has a point for each look a second apart, and begins anew with its migration', () => {
  const rates = startRates();
  const look = (second: number, done: number, rate: number | null = 1): unknown[] => {
    const now = new Date(second * 1_000).toISOString();
    const migrations = [{ name: 'labels', rows_done: done, rows_per_second: rate }];
    const found = rates.look({ now, migrations } as unknown as Overview).get('labels') ?? [];
    return found.map(({ rowsPerSecond }) => rowsPerSecond);
  };
  expect(look(0, 100)).toEqual([]);
  expect(look(2, 300)).toEqual([100]);
  expect(look(2.5, 900)).toEqual([100]); // of another window
  expect(look(4, 300)).toEqual([100, 0]); // a rest
  expect(look(6, 100)).toEqual([]); // it began anew
  expect(look(8, 300)).toEqual([]);
  expect(look(9, 400)).toEqual([100]);
  expect(look(10, 400, null)).toEqual([]); // it is over
});
