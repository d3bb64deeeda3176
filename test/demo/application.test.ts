import { describe, expect, it } from 'vitest';
import { type ConditionGroup, conditionGroups } from '../../demo/application/condition-groups.ts';
import { readPayload, writePayload } from '../../demo/application/event-payload.ts';
import { employeeProjection } from '../../demo/projections/employee-projection.ts';
import type { State, StoredEvent } from '../../demo/projections/projection.ts';

const condition = { subject: 'incident.team', operation: 'is', value: 'red' };
const other = { subject: 'alert.source', operation: 'is_not', value: 'cron', negated: true };

describe('Conditions', () => {
  const { read, write, isCurrent } = conditionGroups;

  it('of the old form become one group, with whatever else they say', () => {
    expect(read([condition, other])).toEqual([{ conditions: [condition, other] }]);
    expect(isCurrent([condition, other])).toBe(false);
  });

  it('of the new form are read as they are, so that reading twice changes nothing', () => {
    const groups = [{ conditions: [condition], label: 'red' }, { conditions: [] }, { conditions: [other] }];
    expect(isCurrent(groups)).toBe(true);
    expect(read(groups)).toEqual(groups);
    expect(read(read([condition]))).toEqual(read([condition]));
  });

  it('of both forms are none, and nothing to do', () => {
    expect(read([])).toEqual([]);
    expect(isCurrent([])).toBe(true);
  });

  it('are never taken for the other form', () => {
    const both = { operation: 'is', conditions: [condition] };
    expect(isCurrent([both])).toBe(true);
    expect(read([both])).toEqual([both]);
    const nothingIn = { operation: 'is', conditions: null }; // as Go has it: no groups in there
    expect(isCurrent([nothingIn])).toBe(false);
    expect(read([nothingIn])).toEqual([{ conditions: [nothingIn] }]);
  });

  it('are written as groups, or not at all', () => {
    expect(write([{ conditions: [other] }])).toEqual([{ conditions: [other] }]);
    const old: unknown = [condition];
    expect(() => write(old as ConditionGroup[])).toThrow(
      'conditions[0].conditions: expected a value, got nothing',
    );
  });

  it.each([
    [null, 'conditions: expected an array, got null'],
    [{ conditions: [] }, 'conditions: expected an array, got {"conditions":[]}'],
    [[null], 'conditions[0]: expected an object, got null'],
    [[{}], 'conditions[0].conditions: expected a value, got nothing'],
    [[condition, 'x'], 'conditions[1]: expected an object, got "x"'],
    [[condition, other, { operation: 5 }], 'conditions[2].operation: expected string, got 5'],
    [[{ operation: 5 }], 'conditions[0].operation: expected string, got 5'],
    // Mixed: the first element says which form it is.
    [[condition, { conditions: [condition] }], 'conditions[1].operation: expected a value, got nothing'],
    [[condition, { ...other, conditions: [] }], 'conditions[1].conditions: expected nothing, got an array'],
    [[{ conditions: [condition] }, condition], 'conditions[1].conditions: expected a value, got nothing'],
    [
      [{ conditions: [condition, {}] }],
      'conditions[0].conditions[1].operation: expected a value, got nothing',
    ],
    [[{ operation: 'is', conditions: [5] }], 'conditions[0].conditions[0]: expected an object, got 5'],
    [[{ operation: 'is', conditions: 5 }], 'conditions[0].conditions: expected an array, got 5'],
  ])('that make no sense are refused with their place: %j', (stored, message) => {
    expect(() => read(stored)).toThrow(new TypeError(message));
  });
});

describe('An event payload', () => {
  const payloads = [
    {},
    { name: 'Ada 😀', on: '2026-01-02' },
    { n: 1.5, big: Number.MAX_SAFE_INTEGER, list: [null, true, 'x'], deep: { a: {} } },
  ];

  it('says the same in both forms', () => {
    for (const payload of payloads) {
      expect(readPayload(Buffer.from(JSON.stringify(payload)), 'json')).toEqual(payload);
      const written = writePayload(payload);
      expect(readPayload(written.payload, written.encoding)).toEqual(payload);
      expect(writePayload(payload).payload).toEqual(written.payload);
    }
  });

  it('keeps every number exactly, or is refused', () => {
    const read = (text: string) => readPayload(Buffer.from(`{"n":${text}}`), 'json');
    for (const [text, n] of [
      ['9007199254740993', 9007199254740993n],
      ['-12345678901234567890', -12345678901234567890n],
      ['18446744073709551615', 18446744073709551615n],
      ['1e+300', 1e300],
      ['-1.50', -1.5],
      ['0.1', 0.1],
      ['1e3', 1_000],
      ['0.0', 0],
      ['5e-324', 5e-324],
    ] as const) {
      expect(read(text), text).toEqual({ n });
      const { payload, encoding } = writePayload(read(text));
      expect(readPayload(payload, encoding), text).toEqual({ n });
    }
    for (const text of [
      '18446744073709551616',
      '9007199254740993.0',
      '0.1234567890123456789',
      '1e400',
      '1e-400',
    ]) {
      expect(() => read(text), text).toThrow(`the number ${text} would be rounded`);
    }
  });

  it('is refused when its bytes are not what its encoding says', () => {
    const { payload } = writePayload(payloads[1]);
    expect(() => readPayload(payload, 'json')).toThrow();
    expect(() => readPayload(Buffer.from('{"a": 1}'), 'cbor')).toThrow();
    expect(() => readPayload(payload.subarray(0, -1), 'cbor')).toThrow();
    expect(() => readPayload(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 'json')).toThrow();
    expect(() => readPayload(payload, 'xml')).toThrow('encoding: expected json or cbor, got "xml"');
  });
});

describe('The employee projection', () => {
  const event = (position: number, type: string, payload: object): StoredEvent => ({
    position: String(position),
    employee_id: 'ada',
    type,
    payload: Buffer.from(JSON.stringify(payload)),
    encoding: 'json',
  });
  const fold = (events: readonly StoredEvent[]) =>
    events.reduce<State | undefined>((state, next) => employeeProjection.apply(state, next), undefined);

  it('follows an employee from the first day to the last', () => {
    const hired = event(1, 'hired', { name: 'Ada', title: 'Engineer', office: 'Berlin', on: '2020-01-01' });
    const after = [
      event(5, 'renamed', { name: 'Ada L' }),
      event(6, 'moved', { office: 'Oslo' }),
      event(8, 'promoted', { title: 'Lead' }),
      event(9, 'left', { on: '2026-01-01' }),
    ];
    expect(fold([hired, ...after])).toEqual({
      employee_id: 'ada',
      name: 'Ada L',
      title: 'Lead',
      office: 'Oslo',
      status: 'left',
      hired_on: '2020-01-01',
      left_on: '2026-01-01',
      events: 5,
      last_position: '9',
    });
    expect(fold([hired, ...after, { ...hired, position: '12' }])).toMatchObject({
      status: 'employed',
      left_on: null,
      events: 6,
    });
  });

  it('refuses what makes no sense', () => {
    expect(() => fold([event(1, 'moved', {})])).toThrow('"moved" of an employee who was never hired');
    expect(() => fold([event(1, 'hired', {}), event(2, 'cloned', {})])).toThrow('no such event: "cloned"');
  });
});
