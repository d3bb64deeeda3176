import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../functions/engine/errors.ts';
import { type Html, html } from '../../functions/progress-page/html.ts';
import {
  type Overview,
  readBadRows,
  readOverview,
  type Source,
} from '../../functions/progress-page/overview.ts';
import { errorPage, page } from '../../functions/progress-page/page.ts';
import { type Deed, deeds, type Surface } from '../../functions/progress-page/surface.ts';
import { listenOnLoopback } from '../http/loopback-server.ts';
import { namingFlag } from '../http/naming-flag.ts';
import { readBody } from '../http/request-body.ts';
import { contentSecurityPolicy, document } from './document.ts';
import { isFromThePage, newToken, pathOf } from './visitor.ts';

export interface ProgressPageOptions extends Source, Pick<Surface, 'howToStart'> {
  /** Has something done with a migration, or with the run of a release, and returns what is to be said of it. */
  readonly act: (deed: Deed, migration: string | undefined) => Promise<string>;
  /** Any free one by default. */
  readonly port?: number;
}

/** The progress page, in a browser on this machine. */
export interface ProgressPage {
  /** Where it is, the token included that lets in who knows it. */
  readonly url: string;
  close(): Promise<void>;
}

/** A form of the page has two short fields. */
const maxBodyBytes = 4_096;
const script = readFileSync(new URL('refresh.mjs', import.meta.url));

/**
 * Shows the progress page on this machine's loopback, under an address that is another one with each start.
 *
 * @throws an error that names the flag for another port, when the port is taken.
 */
export async function startProgressPage({
  act,
  howToStart,
  port = 0,
  ...source
}: ProgressPageOptions): Promise<ProgressPage> {
  const token = newToken();
  // What came of what was done, by a number in the address: whoever reloads the page reads it again, and does nothing again.
  const said: string[] = [];

  const draw = async (): Promise<{ readonly status: number; readonly content: Html }> => {
    try {
      const overview = await readOverview(source);
      const surface = { zone: 'local', howToStart, button };
      const badRows = hasRowErrors(overview) ? await readBadRows(source.database) : [];
      return { status: 200, content: page(overview, surface, badRows) };
    } catch (error) {
      return { status: 503, content: errorPage(error) };
    }
  };
  const show = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, content } = await draw();
    const { searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    send(
      response,
      status,
      'text/html; charset=utf-8',
      document(content, said[Number(searchParams.get('said') ?? -1)]),
    );
  };
  const actOn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const fields = new URLSearchParams((await readBody(request, maxBodyBytes)) ?? '');
    const deed = deeds.find((each) => each === fields.get('deed'));
    if (deed === undefined || !isFromThePage(request)) {
      send(
        response,
        deed === undefined ? 400 : 403,
        'text/plain',
        'Only the page itself has something done here.\n',
      );
      return;
    }
    said.push(await act(deed, fields.get('migration') ?? undefined).catch(messageOf));
    response.writeHead(303, { location: `./?said=${said.length - 1}` }).end();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(request, token);
    const route = `${request.method} ${path ?? 'unknown'}`;
    if (route === 'GET ') {
      await show(request, response);
    } else if (route === 'GET refresh.mjs') {
      send(response, 200, 'text/javascript', script);
    } else if (route === 'POST act') {
      await actOn(request, response);
    } else {
      send(
        response,
        403,
        'text/plain',
        'Open the address that npx migrations local prints: it is another one with each start.\n',
      );
    }
  };
  const listening = listenOnLoopback((request, response) => {
    answer(request, response).catch(() => response.destroy());
  }, port);
  const server = await namingFlag('--page-port', port, listening);
  return { url: `${server.url}/${token}/`, close: server.close };
}

const hasRowErrors = ({ rowErrors }: Overview): boolean => rowErrors.length > 0;

const words: Readonly<Record<Deed, string>> = {
  stop: 'Stop',
  pause: 'Pause',
  resume: 'Resume',
  retry: 'Retry',
};

/** A form that works without script. */
function button(deed: Deed, migration?: string): Html {
  const id = `dm-${deed}-${migration ?? 'the-run'}`;
  const what = migration === undefined ? 'the run' : migration;
  return html`<form method="post" action="act"><input type="hidden" name="deed" value="${deed}">${
    migration !== undefined && html`<input type="hidden" name="migration" value="${migration}">`
  }<button id="${id}" aria-label="${words[deed]} ${what}">${words[deed]}${migration === undefined && ' the run'}</button></form>`;
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response
    .writeHead(status, {
      'content-type': type,
      'content-security-policy': contentSecurityPolicy,
      'cache-control': 'no-store',
      // A form of the page names its origin only with this; another page would get no address from it.
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    })
    .end(body);
}
