import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sql } from '../../../functions/engine/database/sql.ts';
import { ledger } from '../../../functions/engine/ledger/names.ts';
import { upgradeLedger } from '../../../functions/engine/ledger/schema.ts';
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

test('of an older ledger it shows the migrations, and nothing that it cannot know', async () => {
  await upgradeLedger(demo.database);
  expect((await send(page.url)).body).toContain('No run yet.');
  await demo.database.execute(sql`UPDATE ${ledger.version} SET version = -version WHERE version > 6`);
  const { body } = await send(page.url);
  await demo.database.execute(sql`UPDATE ${ledger.version} SET version = -version WHERE version < 0`);
  expect(body).toMatch(/class="dm-about">the ledger has version 6, this checkout knows \d+: the next run/);
  expect(body).toContain('labels');
  expect(body).not.toContain('No run yet.');
});

test('of a newer ledger it shows all that it knows if that is compatible, and else says what is to be done', async () => {
  const add = (compatible: boolean) =>
    sql`INSERT INTO ${ledger.version} (version, compatible) SELECT max(version) + 1, ${compatible} FROM ${ledger.version}`;
  await demo.database.execute(add(true));
  const { body } = await send(page.url);
  expect(body).toContain('No run yet.');
  expect(body).not.toContain('class="dm-about"');
  await demo.database.execute(add(false));
  expect(await send(page.url)).toMatchObject({
    status: 503,
    body: expect.stringMatching(
      /role="alert">[\s\S]*has version \d+; this code knows \d+: it is of an older release/,
    ),
  });
});

test('where the ledger cannot be read it says so, and why', async () => {
  await demo.database.execute(sql`ALTER TABLE ${ledger.version} RENAME COLUMN version TO gone`);
  const { status, body } = await send(page.url);
  expect(status).toBe(503);
  expect(body).toMatch(/role="alert">[\s\S]*cannot be read[\s\S]*SQLState: 42703/);
});

test('the page lets in no script or style but its own, nobody frames it, and no other page learns its address', async () => {
  const { headers } = await send(page.url);
  expect(headers['content-security-policy']).toMatch(
    /default-src 'none'; style-src 'sha256-[^' ]+'; script-src 'self';.*frame-ancestors 'none'/,
  );
  expect(headers).toMatchObject({ 'referrer-policy': 'same-origin', 'cache-control': 'no-store' });
});
