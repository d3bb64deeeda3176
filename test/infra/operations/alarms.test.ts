import { describe, expect, test } from 'vitest';
import { type AlarmName, alarmNames } from '../../../infra/operations/alarm-names.ts';
import { readAssembly } from '../../../local/assembly/assembly.ts';
import { type AlarmState, stateOf } from '../../../local/cloudwatch/alarm.ts';
import { synthesized } from '../synthesized.ts';

// From where on each alarm goes off, and when it is over. That what runs send sets them off is in test/machine/alarms.test.ts.

const { alarms } = readAssembly(synthesized({ maxConnections: '800' }).template, { folder: '' });

/** Values that were sent so many minutes ago. */
type Sent = Readonly<Record<number, readonly number[]>>;

/** The state of an alarm that sees these values and no others, at the end of a minute. */
function state(name: AlarmName, sent: Sent, before: AlarmState = 'OK'): AlarmState {
  const alarm = alarms.find((each) => each.name.endsWith(`-${name}`));
  if (alarm === undefined) {
    throw new Error(`there is no alarm ${name}`);
  }
  const now = Date.parse('2026-11-27T10:00:59.999Z');
  const datapoints = Object.entries(sent).map(([minutes, values]) => ({
    ...{ namespace: alarm.namespace, name: alarm.metric, dimensions: alarm.dimensions, unit: alarm.unit },
    at: now - Number(minutes) * 60_000,
    values,
  }));
  return stateOf(alarm, datapoints, now, before);
}

/** So many values of a kind, and so many of another. */
const some = (count: number, value: number, others: number, other: number): readonly number[] => [
  ...Array<number>(count).fill(value),
  ...Array<number>(others).fill(other),
];

type Story = readonly [what: string, sent: Sent, state: AlarmState];

/** Of what is counted: one is too many, within five minutes. */
const one: readonly Story[] = [
  ['none', { 1: [0] }, 'OK'],
  ['one, beside many that had none', { 1: some(200, 0, 1, 1) }, 'ALARM'],
  ['one, almost five minutes ago', { 4: [1] }, 'ALARM'],
  ['one, five minutes ago', { 5: [1] }, 'OK'],
  ['one, ten minutes ago', { 5: [0], 9: [1], 1: [0] }, 'OK'],
];

const twoOfThree = (low: readonly number[], high: readonly number[]): readonly Story[] => [
  ['too low in each of three periods', { 1: low, 6: low, 11: low }, 'OK'],
  ['too high in one', { 1: high, 6: low, 11: low }, 'OK'],
  ['too high in two that follow each other', { 4: high, 9: high, 14: low }, 'ALARM'],
  ['too high in the first and the last', { 1: high, 14: high }, 'ALARM'],
  ['too high in the last, and a quarter of an hour ago', { 1: high, 15: high }, 'OK'],
  ['too high twice in one period', { 1: high, 4: high }, 'OK'],
];

const threeOfThree = (low: readonly number[], high: readonly number[]): readonly Story[] => [
  ['too low in each of three periods', { 1: low, 6: low, 11: low }, 'OK'],
  ['too high in two of three', { 1: high, 6: high, 11: low }, 'OK'],
  ['too high in three', { 4: high, 9: high, 14: high }, 'ALARM'],
  ['too high in three of four', { 1: high, 6: high, 15: high }, 'OK'],
];

const stories: Readonly<Record<AlarmName, readonly Story[]>> = {
  'run-failed': one,
  'follow-up-failed': one,
  stalled: one,
  'validation-failed': one,
  held: [
    ['for a second less than half an hour', { 1: [1_799] }, 'OK'],
    ['for half an hour, beside many that are not', { 1: some(200, 0, 1, 1_800) }, 'ALARM'],
    ['two of them for a quarter of an hour', { 1: [900, 900] }, 'OK'],
    ['for half an hour, as it has said almost a quarter of an hour ago', { 14: [1_800] }, 'ALARM'],
    ['for half an hour, as it has said a quarter of an hour ago', { 1: [0], 15: [1_800] }, 'OK'],
  ],
  late: twoOfThree([0.99, 0.5], some(200, 0, 1, 1)),
  'row-errors': [
    ['nine', { 1: [9] }, 'OK'],
    ['ten of two migrations', { 1: [5], 4: [5] }, 'ALARM'],
    ['ten, the first of them five minutes ago', { 1: [5], 5: [5] }, 'OK'],
    ['ten, five minutes ago', { 1: [0], 5: [10] }, 'OK'],
  ],
  'batches-slow': [
    ...twoOfThree(some(18, 0.1, 2, 9), some(17, 0.1, 3, 1)),
    ['a little faster than that', { 1: some(5, 0.99, 0, 0), 6: some(5, 0.99, 0, 0) }, 'OK'],
  ],
  'database-at-capacity': [
    ...threeOfThree([80, 99.9], [80, 100]),
    ['half as much, twice in each period', { 1: [45, 45], 6: [45, 45], 11: [45, 45] }, 'OK'],
  ],
  'database-connections': [
    ...threeOfThree([639, 639], some(200, 0, 1, 640)),
    ['half as many, twice in each period', { 1: [320, 320], 6: [320, 320], 11: [320, 320] }, 'OK'],
  ],
  'watcher-silent': [
    ['one look, almost a quarter of an hour ago', { 14: [0] }, 'OK'],
    ['one look in the middle of it', { 7: [0] }, 'OK'],
    ['a look that was tried again in each period', { 1: [0, 0], 6: [0, 0], 11: [0, 0] }, 'OK'],
    ['one look, a quarter of an hour ago', { 15: [0] }, 'ALARM'],
    ['none', {}, 'ALARM'],
  ],
};

describe.each(Object.entries(stories) as [AlarmName, readonly Story[]][])('%s', (name, told) => {
  test.each(told)('%s', (_, sent, expected) => {
    expect(state(name, sent)).toBe(expected);
  });
});

test('An alarm is over when nothing is sent any more, as migrations run rarely; only what has stalled stays so until a look says otherwise', () => {
  for (const name of alarmNames.filter((each) => each !== 'watcher-silent')) {
    const stays = name === 'stalled';
    expect([name, state(name, {}, 'OK'), state(name, {}, 'ALARM')]).toEqual([
      name,
      'OK',
      stays ? 'ALARM' : 'OK',
    ]);
  }
});
