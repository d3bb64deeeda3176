import { expect, test } from 'vitest';
import { migrationsSection } from '../../functions/progress-page/migrations.ts';
import type { Overview, Shown } from '../../functions/progress-page/overview.ts';

const now = '2026-11-22T12:00:00Z';
const soon = '2026-11-22T12:05:00Z';

const running: Shown = {
  name: 'labels',
  kind: 'backfill',
  state: 'running',
  rows_done: 600,
  rows_known: 1_000,
  percent: 60,
  rows_per_second: 10,
  ends_at: '2026-11-22T12:00:40Z',
  must_end_at: null,
  late: false,
  resting: null,
  waiting: null,
  paused: null,
  tuned: null,
  restore: null,
  errors: 0,
  registered: true,
  updated: 500,
  rates: [],
  inBackground: true,
  execution: 'arn:aws:states:eu-central-1:123456789012:execution:run-migrations:labels-1',
  heldSince: null,
  failure: null,
  finishedAt: null,
  validated: null,
};

/** What the page says of a migration, as text. */
function said(shown: Partial<Shown>): string {
  const overview = { now, migrations: [{ ...running, ...shown }] } as unknown as Overview;
  const { text } = migrationsSection(overview, { zone: 'UTC', howToStart: 'start a run' });
  return text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

const restore = { restored: 250, left: 3, because: 'a validation failed' };

test.each([
  ['one that runs', {}, /labels backfill, in the background running 60 % 600 of 1,000 10 12:00 in 40 s 0/],
  [
    'one that rests, as its schedule says',
    { state: 'resting', resting: { until: soon, reason: 'spread over PT1H' } },
    /resting .* Rests until 12:05 : spread over PT1H\./,
  ],
  [
    'one that is held under pressure',
    {
      state: 'resting',
      heldSince: '2026-11-22T11:30:00Z',
      resting: { until: soon, reason: 'a replica is 12 s behind' },
    },
    /held .* Held for 30 min: a replica is 12 s behind\. It looks again at 12:05 \./,
  ],
  [
    'one that waits for its place',
    { state: 'waiting', waiting: { until: soon, reason: 'a place: 2 are at work' } },
    /waiting .* Waits for a place: 2 are at work\. It looks again at 12:05 \./,
  ],
  [
    'one that will be late',
    { late: true, must_end_at: '2026-11-22T12:00:10Z' },
    /in 40 s late .* It has to be done by 12:00 , and will not be\./,
  ],
  [
    'one that validates',
    { state: 'validating', validated: 400 },
    /validating .* Validations have looked at 400 rows\./,
  ],
  [
    'one whose rows are put back',
    { state: 'restoring', restore },
    /restoring 50\.6 % .* 250 rows put back, 3 left because they were changed since: a validation failed/,
  ],
  ['one that was stopped', { state: 'stopped' }, /stopped .* the next run goes on from there/],
  [
    'one that is over, a day ago',
    { state: 'finished', percent: 100, finishedAt: '2026-11-21T09:00:00Z' },
    /finished 100 % 600 10 11-21 09:00/,
  ],
  ['one that is no longer registered', { registered: false }, /labels no longer registered running/],
] satisfies [string, Partial<Shown>, RegExp][])('says of %s how it stands and why', (_, shown, expected) => {
  expect(said(shown)).toMatch(expected);
});
