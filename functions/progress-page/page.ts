import { messageOf } from '../engine/errors.ts';
import { moment } from './format.ts';
import { historySection } from './history.ts';
import { type Html, html } from './html.ts';
import { migrationsSection } from './migrations.ts';
import type { BadRow, Overview } from './overview.ts';
import { rowErrorsSection } from './row-errors.ts';
import { runsSection, underWaySection } from './runs.ts';
import type { Surface } from './surface.ts';
import { validationsSection } from './validations.ts';

/**
 * The page: how every migration stands, what is under way, what went wrong, what happened.
 *
 * @param badRows What is in the rows that could not be migrated; left out where nobody has asked for that.
 */
export function page(overview: Overview, surface: Surface, badRows?: readonly BadRow[]): Html {
  const { about, hasRun, isCurrent, now } = overview;
  return html`
  <p class="dm-summary"><strong aria-live="polite">${summary(overview)}</strong> <span class="dm-remark">as of ${moment(now, now, surface.zone)}</span></p>
  ${!hasRun && html`<p class="dm-about">Nothing has ever run here. To begin, ${surface.howToStart}.</p>`}
  ${hasRun && about && html`<p class="dm-about">${about}</p>`}
  ${isCurrent && underWaySection(overview, surface)}
  ${migrationsSection(overview, surface)}
  ${
    isCurrent && [
      rowErrorsSection(overview, surface, badRows),
      validationsSection(overview),
      runsSection(overview, surface),
      historySection(overview, surface),
    ]
  }`;
}

/** The page where nothing can be read. */
export function errorPage(error: unknown): Html {
  return html`
  <div class="dm-error" role="alert">
    <h2>The ledger cannot be read</h2>
    <p class="dm-why">${messageOf(error)}</p>
    <p>This says nothing about the migrations: they go on, or rest, as they did. The page looks again by itself.</p>
  </div>`;
}

/** How many migrations stand how: `1 failed, 1 running, 3 finished`. What calls for attention is first. */
function summary({ migrations }: Overview): string {
  const order = [
    'failed',
    'held',
    'stopped',
    'paused',
    'running',
    'validating',
    'restoring',
    'resting',
    'waiting',
    'never run',
  ];
  const counts = new Map<string, number>();
  for (const { state, heldSince } of migrations) {
    const word = heldSince === null ? state : 'held';
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const place = (word: string): number => (order.includes(word) ? order.indexOf(word) : order.length);
  return (
    [...counts]
      .sort(([a], [b]) => place(a) - place(b))
      .map(([word, count]) => `${count} ${word}`)
      .join(', ') || 'no migrations'
  );
}
