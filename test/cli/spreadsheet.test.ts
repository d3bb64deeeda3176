import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csv } from '../../cli/output/spreadsheet.ts';

const cell = (value: string): string => csv(['reason'], [{ reason: value }]).slice('reason\n'.length, -1);

it.each([
  ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
  ['+1+1', `"'+1+1"`],
  ['-2+3', `"'-2+3"`],
  ['@SUM(A1)', `"'@SUM(A1)"`],
  ['\t=1', `"'\t=1"`],
  ['\r=1', `"'\r=1"`],
  ['＝1', `"'＝1"`],
  ['-5, =1', `"'-5, =1"`],
  ['-5', '-5'],
  ['-5.25', '-5.25'],
  ["it's = 1", "it's = 1"],
  ['', ''],
])('A cell of %j is text to a spreadsheet, and a number stays one', (value, written) => {
  expect(cell(value)).toBe(written);
});

it('No cell begins as a formula does, whatever it holds, and it is all there', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'=+-@\t\r\n",\'15') })),
      (value) => {
        const written = cell(value);
        const read = /^".*"$/s.test(written) ? written.slice(1, -1).replaceAll('""', '"') : written;
        expect([value, `'${value}`]).toContain(read);
        expect(read).not.toMatch(/^([=+@\t\r\n＝＋－＠]|-(?!\d+(\.\d+)?$))/);
      },
    ),
    { numRuns: 300 },
  );
});
