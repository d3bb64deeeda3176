import { parse } from 'valibot';
import { expect, test } from 'vitest';
import { firstKeys } from '../../../functions/engine/ledger/conflicted.ts';

// Some look like the end of a key and the beginning of the next one.
const keys = [
  ['1', 'a'],
  ['"], ["', '2'],
  ['x"], [', '"]]'],
  ['\\', '\\"'],
  ['ä😀', ''],
  ['"', '["'],
];

test('Of a list that is cut off anywhere, the whole keys are read', () => {
  const text = JSON.stringify(keys).replaceAll('],[', '], [').replaceAll('","', '", "');
  expect(parse(firstKeys, text)).toEqual(keys);
  const counts = Array.from(text, (_, end) => {
    const read = parse(firstKeys, text.slice(0, end));
    expect(read, text.slice(0, end)).toEqual(keys.slice(0, read.length));
    return read.length;
  });
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(Math.max(...counts)).toBe(keys.length - 1);
});

test('A list without keys is none', () => {
  expect(parse(firstKeys, '[]')).toEqual([]);
});
