import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { breakages } from '../../drill/breakages.ts';
import { problemsOf } from '../../drill/report.ts';
import { alarmNames } from '../../infra/operations/alarm-names.ts';

/** The alarms about metrics that AWS sends of its database, and nothing on this machine. */
const onlyOnAws = ['database-at-capacity', 'database-connections'];

const breakage = {
  what: '',
  alarms: ['held'],
  notices: ['has failed'],
  page: /^Held/,
  happen: async () => {},
} as const;
const testimony = {
  goneOff: [{ alarm: 'held', after: 1_800, wasMoved: true }],
  notices: ['data-migrations: the run of a release has failed'],
  page: ['1 held', 'Held for 30 min'],
} as const;

describe('The drill', () => {
  it('sets off every alarm that can go off on this machine', () => {
    const setOff = new Set(breakages.flatMap(({ alarms }) => alarms));
    expect([...setOff, ...onlyOnAws].toSorted()).toEqual(alarmNames.toSorted());
  });

  it('breaks everything that there is a file for, and in eight ways at least', async () => {
    const folder = fileURLToPath(new URL('../../drill/breakages', import.meta.url));
    expect(breakages).toHaveLength((await readdir(folder)).length);
    expect(breakages.length).toBeGreaterThanOrEqual(8);
  });

  it('finds nothing wrong when it has seen what it should', () => {
    expect(problemsOf(breakage, testimony)).toEqual([]);
  });

  it.each([
    ['an alarm that did not go off', { goneOff: [] }, 'alarms: expected held, got none'],
    [
      'an alarm that went off beside the right one',
      { goneOff: [...testimony.goneOff, { alarm: 'stalled', after: 1, wasMoved: false } as const] },
      'alarms: expected held, got held, stalled',
    ],
    ['a notice that nobody got', { notices: [] }, 'notices: expected has failed, got none'],
    [
      'a notice of another end',
      { notices: ['it has succeeded'] },
      'notices: expected has failed, got it has succeeded',
    ],
    ['a page that does not show it', { page: ['1 running'] }, 'page: expected a line like /^Held/'],
  ])('finds %s', (_, seen, problem) => {
    expect(problemsOf(breakage, { ...testimony, ...seen })).toEqual([problem]);
  });
});
