import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Output, outputTo } from '../../cli/command/io.ts';
import { stepsOn } from '../../cli/output/steps.ts';
import { table } from '../../cli/output/table.ts';

/** C0 and C1 controls but line breaks and tabs; DEL; marks of direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
const steers = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Text with more than its share of what steers a terminal. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.oneof(
      fc.constantFrom(...'\x1b\x9b\x07\r\x7f\u202e\u2066\u200f\u061c\0\n\t\\"[31m'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
  }),
);

/** What arrives where something writes, on a terminal or not. */
function written(write: (output: Output) => void, isTTY: boolean): string {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 200, rows: 24 });
  write(outputTo(stream as unknown as NodeJS.WriteStream));
  return String(stream.read() ?? '');
}

it('Nothing that a command writes steers the terminal, and it says what was there', () => {
  fc.assert(
    fc.property(text, fc.boolean(), (value, isTTY) => {
      const said = written(({ write }) => write(value), isTTY);
      expect(said).not.toMatch(steers);
      const read = said.replaceAll(/\\u([0-9a-f]{4})/g, (_, hex) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      const meant = value.replaceAll(/\\u([0-9a-f]{4})/g, (_, hex) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      expect(read).toBe(meant.toWellFormed());
    }),
    { numRuns: 1_000 },
  );
});

it('JSON that a command writes is read as the value that it was', () => {
  fc.assert(
    fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text))), (value) => {
      const said = written(({ write }) => write(JSON.stringify(value, null, 2)), true);
      expect(said).not.toMatch(steers);
      expect(JSON.parse(said)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 1_000 },
  );
});

it('A cell of a table stays in its line and its column', () => {
  fc.assert(
    fc.property(text, (value) => {
      const drawn = table(
        ['key', 'reason'],
        [
          ['1', value],
          ['2', 'plain'],
        ],
      );
      expect(drawn).not.toMatch(steers);
      expect(drawn.split('\n')).toHaveLength(4);
    }),
    { numRuns: 1_000 },
  );
  // What is written out counts for the width.
  expect(table(['a', 'b'], [['\x1b[2J', 'x']])).toBe('a          b\n\\u001b[2J  x\n');
});

it('Progress says on a log and on a terminal what a note holds, and the bars still move the cursor', () => {
  const step = {
    name: 'labels',
    done: 1,
    known: 2,
    ended: false,
    note: 'resting: \x1b]0;gone\x07\x9b2J\nlabels: done\u202e',
  };
  const show = (output: Output): void => {
    const steps = stepsOn(output);
    steps.show([step]);
    steps.stop();
  };
  const note = 'resting: \\u001b]0;gone\\u0007\\u009b2J labels: done\\u202e';
  expect(written(show, false)).toBe(`labels: 50 %, ${note}\n`);
  const drawn = written(show, true);
  expect(drawn).toContain(note);
  expect(drawn).toContain('\x1b['); // the bar's own
});
