import jsonata from 'jsonata';
import { expect, test } from 'vitest';
import { functionNames } from '../../../local/step-functions/definition/jsonata/functions.ts';
import { template } from '../../../local/step-functions/definition/jsonata/template.ts';
import { Problems } from '../../../local/step-functions/definition/problems.ts';
import type { Json } from '../../../local/step-functions/json.ts';

/** The value of an expression, or its error. */
async function value(expression: string, input: Json = {}): Promise<Json> {
  const problems = new Problems();
  const compiled = template(`{% ${expression} %}`, { path: '/', field: 'Output', phase: 'before' }, problems);
  problems.throwIfAny();
  try {
    return await compiled.evaluate({ states: { input, context: {} }, variables: {} });
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[string, Json]>([
  ['$partition([1, 2, 3, 4, 5], 2)', [[1, 2], [3, 4], [5]]],
  ['$partition([1, 2, 3], 2.9)', [[1, 2], [3]]],
  ['$range(0, 10, 5)', [0, 5, 10]],
  ['$range(3, 1, -1)', [3, 2, 1]],
  ['$range(-1.7, 1, 1)', [-1, 0, 1]],
  ['$range(4, 4, 1)', 4],
  ["$hash('a', 'MD5')", '0cc175b9c0f1b6a831c399e269772661'],
  ["$hash('a', 'SHA-256')", 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
  ['$random(7) = $random(7)', true],
  ['$random() < 1', true],
  ['$uuid()', expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)],
  [`$parse('{"a":[1,null]}')`, { a: [1, null] }],
  ['1/0', 'Infinity'],
])('%s', async (expression, expected) => {
  expect(await value(expression)).toEqual(expected);
});

test.each([
  [
    '$states.input.absent',
    "The JSONata expression '$states.input.absent' specified for the field 'Output' returned nothing (undefined).",
  ],
  ['$range(1, 5, -1)', 'returned nothing (undefined)'],
  ['$range(1, 400000, 1)', 'memory limit exceeded'],
  ['$count([1..900000])', 'maximum sequence length'],
  ["$hash('a', 'CRC32')", 'Unknown algorithm CRC32'],
  ["$parse('{')", 'threw an error'],
  ["'a' + 1", 'threw an error'],
  ['$uppercase', 'unsupported result type'],
  ['{ "f": $sum }', 'unsupported result type'],
  [Array(101).fill('1').join('+'), 'Stack overflow'],
])('%s is States.QueryEvaluationError', async (expression, message) => {
  expect(await value(expression)).toContain('States.QueryEvaluationError');
  expect(await value(expression)).toContain(message);
});

test('an expression may nest exactly as deep as on AWS', async () => {
  expect(await value(Array(100).fill('1').join('+'))).toBe(100);
});

test('one element that matches is not a list', async () => {
  expect(await value('$states.input.items[n > 2]', { items: [{ n: 1 }, { n: 3 }] })).toEqual({ n: 3 });
  expect(await value('[$states.input.items[n > 2]]', { items: [{ n: 1 }, { n: 3 }] })).toEqual([{ n: 3 }]);
});

test('every function of the package can be called, but for $eval and what it keeps to itself', async () => {
  const added = ['partition', 'range', 'hash', 'uuid', 'parse'];
  for (const name of functionNames) {
    const type = await jsonata(`$type($${name})`).evaluate(undefined);
    expect([name, type]).toEqual([name, added.includes(name) ? undefined : 'function']);
  }
  expect(functionNames.has('eval')).toBe(false);
});
