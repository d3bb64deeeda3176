import { describe, expect, test } from 'vitest';
import { saysTheSame } from './same-text.ts';
import { transcriptOf } from './transcript.ts';

describe('what a command says is what its page shows', () => {
  test.each([
    ['numbers and widths of columns', 'rows  9,500  of  10,000', 'rows     950  of   1,000'],
    ['dates and times', 'until 2026-11-22 02:26: spread', 'until 2026-12-01 13:05: spread'],
    ['durations', 'takes 3 minutes 51 seconds, 2.3 seconds of it', 'takes 58 seconds, 1 second of it'],
    ['a plural', '1 lane and 33 slices', '2 lanes and 1 slice'],
    [
      'names of executions',
      'run-migrations:ci-builds-stage-id-3ab1f6c2',
      'run-migrations:ci-builds-stage-id-71c09fd4',
    ],
    ['what is left out', 'first\n…\nlast\n', 'first\nsecond\nthird\nlast\n'],
  ])('but for %s', (_, shown, said) => {
    expect(saysTheSame(shown, said, 'console')).toBe(true);
  });

  test.each([
    ['a word', 'labels is not finished: resting', 'labels is not finished: stopped'],
    ['a line that came in', 'first\nlast\n', 'first\nsecond\nlast\n'],
    ['a line that is gone', 'first\n…\nlast\n', 'first\n'],
    ['a number for a word', 'state never run', 'state 5'],
  ])('and not where it differs by %s', (_, shown, said) => {
    expect(saysTheSame(shown, said, 'console')).toBe(false);
  });

  test('of JSON in any layout, but not with other keys', () => {
    expect(
      saysTheSame(
        '{ "a": { "errors": 0, … } }',
        '{\n  "a": {\n    "errors": 12,\n    "b": 1\n  }\n}\n',
        'json',
      ),
    ).toBe(true);
    expect(saysTheSame('{ "a": { "errors": 0 } }', '{ "a": { "failures": 0 } }', 'json')).toBe(false);
  });
});

test('A transcript has its commands, and what was said when Ctrl-C is pressed', () => {
  expect(transcriptOf('$ migrations watch\none\n^C\nit goes on\n$ migrations stop\nstopped\n')).toEqual([
    { command: 'migrations watch', until: 'one' },
    { command: 'migrations stop', until: undefined },
  ]);
});
