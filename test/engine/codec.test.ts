import {
  array,
  check,
  literal,
  looseObject,
  minLength,
  number,
  object,
  pipe,
  strictObject,
  string,
  transform,
  union,
} from 'valibot';
import { describe, expect, it } from 'vitest';
import { codec } from '../../functions/engine/codec.ts';

// A price in three forms: "9.50", then {amount: 9.5}, then {cents: 950, currency: "EUR"}.
const price = codec({
  name: 'price',
  current: object({ cents: number(), currency: string() }),
  earlier: [
    {
      schema: object({ amount: number() }),
      upgrade: ({ amount }) => ({ cents: Math.round(amount * 100), currency: 'EUR' }),
    },
    { schema: string(), upgrade: (text) => ({ amount: Number(text) }) },
  ],
});

describe('A codec', () => {
  it('reads every form as the current one, one step after the other', () => {
    const current = { cents: 950, currency: 'EUR' };
    for (const stored of ['9.50', { amount: 9.5 }, current]) {
      expect(price.read(stored)).toEqual(current);
    }
    const { cents } = price.read('1'); // of the current type
    expect(cents.toFixed()).toBe('100');
  });

  it('knows the current form, and throws for nothing', () => {
    expect(price.isCurrent({ cents: 1, currency: 'EUR' })).toBe(true);
    for (const stored of ['9.50', { amount: 9.5 }, {}, null, undefined, 5]) {
      expect(price.isCurrent(stored)).toBe(false);
    }
  });

  it('tries the forms newest first, so that what is of two forms is of the newer one', () => {
    const asked: string[] = [];
    const form = (name: string) =>
      pipe(
        number(),
        check((n) => asked.push(name) > 0 && n > 5),
      );
    const order = codec({
      name: 'n',
      current: form('current'),
      earlier: [
        { schema: form('newer'), upgrade: (n) => n },
        { schema: pipe(form('older')), upgrade: (n) => n },
      ],
    });
    expect(order.read(6)).toBe(6);
    expect(asked).toEqual(['current']);
    asked.length = 0;
    expect(() => order.read(1)).toThrow('n: expected what its check allows, got 1');
    expect(asked.slice(0, 3)).toEqual(['current', 'newer', 'older']);
  });

  it('keeps what its schemas do not know, and changes nothing by them', () => {
    const stored = { cents: 950, currency: 'EUR', note: { sale: [true] } };
    expect(price.read(stored)).toBe(stored);
    expect(price.write(stored)).toBe(stored);
    const trimmed = codec({
      name: 't',
      current: pipe(
        string(),
        transform((text) => text.trim()),
      ),
      earlier: [],
    });
    expect(trimmed.read(' a ')).toBe(' a ');
  });

  it('writes the current form alone', () => {
    expect(price.write({ cents: 1, currency: 'USD' })).toEqual({ cents: 1, currency: 'USD' });
    // @ts-expect-error an earlier form
    expect(() => price.write({ amount: 9.5 })).toThrow('price.cents: expected a value, got nothing');
    expect(() => price.write({ cents: 1 } as { cents: number; currency: string })).toThrow(
      new TypeError('price.currency: expected a value, got nothing'),
    );
  });

  it('says so when it is an upgrade that makes what cannot be read', () => {
    const broken = codec({
      name: 'n',
      current: object({ n: number() }),
      earlier: [{ schema: string(), upgrade: (text) => ({ n: text }) as unknown as { n: number } }],
    });
    expect(() => broken.read('x')).toThrow(
      'n.n: expected number, got "x", in what an upgrade made of an earlier form',
    );
    const circular = codec({
      name: 'n',
      current: number(),
      earlier: [{ schema: string(), upgrade: (text) => text }],
    });
    expect(() => circular.read('x')).toThrow('n: expected number, got "x", in what an upgrade made');
  });

  it('takes no upgrade that makes something else, as far as types can tell', () => {
    codec({
      name: 'n',
      current: number(),
      // @ts-expect-error neither a number nor a string
      earlier: [{ schema: string(), upgrade: (text) => text === '1' }],
    });
  });
});

describe('What a codec cannot read, it refuses by the form that comes closest:', () => {
  const step = looseObject({ run: string(), retries: number() });
  const steps = codec({
    name: 'steps',
    current: looseObject({ version: literal('V2'), steps: array(step) }),
    earlier: [
      {
        schema: array(step),
        upgrade: (list) => ({ version: 'V2' as const, steps: list }),
      },
      {
        schema: array(pipe(string(), minLength(1))),
        upgrade: (names) => names.map((run) => ({ run, retries: 0 })),
      },
    ],
  });

  it.each<[unknown, string]>([
    [null, 'steps: expected an object, got null'],
    [7, 'steps: expected an object, got 7'],
    [{ version: 'V2' }, 'steps.steps: expected a value, got nothing'],
    [{ version: 'V1', steps: [] }, 'steps.version: expected "V2", got "V1"'],
    [{ version: 'V2', steps: 'none' }, 'steps.steps: expected an array, got "none"'],
    [{ version: 'V2', steps: [{ run: 'a' }] }, 'steps.steps[0].retries: expected a value, got nothing'],
    [['a', 'b', 5], 'steps[2]: expected string, got 5'],
    [['a', ''], 'steps[1]: expected >=1, got ""'],
    [['a', ['b']], 'steps[1]: expected string, got an array'],
    [['a', { run: 'b', retries: 1 }], 'steps[1]: expected string, got {"run":"b","retries":1}'],
    [[{ run: 'a', retries: 1 }, 'b'], 'steps[1]: expected an object, got "b"'],
    [[{ run: 'a', retries: '1' }], 'steps[0].retries: expected number, got "1"'],
    [[{ run: 'x'.repeat(99), retries: {} }], 'steps[0].retries: expected number, got {}'],
  ])('%j', (stored, message) => {
    expect(() => steps.read(stored)).toThrow(new TypeError(message));
  });

  it('the one without a wrong key rather than the one that lacks it, and the one with the fewest problems', () => {
    const kinds = codec({
      name: 'v',
      current: looseObject({ b: string(), c: string(), d: string() }),
      earlier: [{ schema: looseObject({ a: number() }), upgrade: () => ({ b: '', c: '', d: '' }) }],
    });
    expect(() => kinds.read({ a: '1' })).toThrow('v.a: expected number, got "1"');
    expect(() => kinds.read({ b: '1', c: '1', d: 1 })).toThrow('v.d: expected string, got 1');
    const versions = codec({
      name: 'v',
      current: looseObject({ version: literal(2), title: string() }),
      earlier: [
        {
          schema: looseObject({ version: literal(1), text: string() }),
          upgrade: ({ text }) => ({ version: 2 as const, title: text }),
        },
      ],
    });
    expect(() => versions.read({ version: 1, text: 5 })).toThrow('v.text: expected string, got 5');
  });

  it('a union by all of its types', () => {
    const total = codec({
      name: 'total',
      current: union([number(), looseObject({ value: string() })]),
      earlier: [],
    });
    expect(() => total.read('12.3')).toThrow('total: expected number or an object, got "12.3"');
  });

  it('with keys of any kind, long values cut, and the words of a check of yours', () => {
    const odd = codec({
      name: 'v',
      current: strictObject({
        'a b': pipe(
          string(),
          check((text) => text === 'x', 'expected the one letter x'),
        ),
      }),
      earlier: [],
    });
    expect(() => odd.read({ 'a b': 'y'.repeat(99) })).toThrow(
      `v["a b"]: expected the one letter x, got "${'y'.repeat(59)}…`,
    );
    expect(() => odd.read({ 'a b': 'x', straße: 1 })).toThrow('v.straße: expected nothing, got 1');
  });
});
