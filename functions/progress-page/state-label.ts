import type { State } from '../engine/overview/status.ts';
import { type Html, html } from './html.ts';

/** How something stands, as the page says it. `held`: a migration rests because the database is under pressure. */
export type Standing = State | 'held' | 'succeeded' | 'passed';

/** What calls for attention, what moves, what is over, and the rest: a colour each, which never says more than word and shape do. */
type Tone = 'bad' | 'warn' | 'live' | 'good' | 'calm';

/** A shape of 12 by 12, drawn as a line, or filled where it says so. */
interface Look {
  readonly tone: Tone;
  readonly path: string;
  readonly filled?: true;
}

const cross = 'M2.5 2.5l7 7M9.5 2.5l-7 7';
const check = 'M1.8 6.5l2.9 3 5.5-7';
const back = 'M2 2v3.2h3.2M2.3 5A4.2 4.2 0 1 1 2 7.4';

const looks: Readonly<Record<Standing, Look>> = {
  'never run': { tone: 'calm', path: 'M6 1.7a4.3 4.3 0 1 0 .01 0z' },
  running: { tone: 'live', path: 'M3 1.2v9.6L11 6z', filled: true },
  resting: { tone: 'live', path: 'M3 1.5h6M3 10.5h6M3.5 1.5c0 3.5 5 5.5 5 9M8.5 1.5c0 3.5-5 5.5-5 9' },
  held: { tone: 'warn', path: 'M6 1.2l5.2 9.6H.8zM6 4.8v2.6M6 9.1v.4' },
  waiting: { tone: 'calm', path: 'M2 6h.01M6 6h.01M10 6h.01' },
  paused: { tone: 'warn', path: 'M2.5 1.5h2.4v9H2.5zM7.1 1.5h2.4v9H7.1z', filled: true },
  validating: { tone: 'live', path: 'M5.2 1.4a3.7 3.7 0 1 0 .01 0zM8 8l3 3' },
  stopped: { tone: 'warn', path: 'M2 2h8v8H2z', filled: true },
  failed: { tone: 'bad', path: cross },
  finished: { tone: 'good', path: check },
  succeeded: { tone: 'good', path: check },
  passed: { tone: 'good', path: check },
  restoring: { tone: 'warn', path: back },
  restored: { tone: 'calm', path: back },
  'cleaned up': { tone: 'good', path: check },
};

/** How something stands: as a word, with a shape and a colour. */
export function stateLabel(standing: Standing): Html {
  const { tone, path, filled } = looks[standing];
  return html`<span class="dm-state dm-${tone}"><svg class="${filled ? 'dm-filled' : ''}" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d="${path}"/></svg>${standing}</span>`;
}
