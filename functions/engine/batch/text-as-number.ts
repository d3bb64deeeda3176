import type { Column, Table } from '../database/table.ts';
import { MigrationFailed } from '../errors.ts';
import type { Change, PageToRead } from './rewrite-change.ts';
import { type ReadRow, readPage } from './rewrite-read.ts';
import { decode, type RowOf } from './row-values.ts';
import { endedWithin, settledWithin } from './time-limit.ts';

// What a transform does with its numbers, it does with those of nearly every row.
const mostRows = 100;

/**
 * Looks whether `transform` takes for numbers what comes as text, as bigint and numeric do: TypeScript believes its author, `amount + 1` is '1001' for
 * 100, and nothing fails. Rows are transformed twice, with the text and with the number. Where the number makes another number of what the text
 * makes text of, text was put together that was to be added up.
 *
 * For trials, since `transform` is asked about rows that there are not. That it throws is no matter here.
 *
 * @throws MigrationFailed for the first such row, with what became of it.
 */
export async function checkArithmetic(change: Change, toRead: Omit<PageToRead, 'page'>): Promise<void> {
  const { table } = toRead;
  const columns = change.columns.map((name) => table.columns.get(name) as Column);
  const numbers = [...table.key, ...columns].filter(({ type }) => /^(bigint|numeric)\b/.test(type));
  if (numbers.length === 0) {
    return;
  }
  const { rows } = await readPage(change, { ...toRead, page: { size: mostRows * 10 } });
  for (const row of rows.filter(({ problem }) => problem === undefined).slice(0, mostRows)) {
    await checkRow(change, numbers, () => decodedOrEmpty(table, columns, row));
  }
}

/** @param row The row, anew with each call, since `transform` may change it. */
async function checkRow(change: Change, columns: readonly Column[], row: () => RowOf): Promise<void> {
  const texts = row();
  // Another spelling of a number, 1.50 say, may well be meant to stay as it is.
  const plain = columns.filter(({ name }) => String(Number(texts[name])) === texts[name]);
  if (plain.length === 0) {
    return;
  }
  const asNumbers = { ...row(), ...Object.fromEntries(plain.map(({ name }) => [name, Number(texts[name])])) };
  const mistake = mistakenFor(await transformed(change, row()), await transformed(change, asNumbers));
  if (mistake !== undefined) {
    const took = plain.map(({ name, type }) => `${name} (${type}) "${texts[name]}"`).join(', ');
    throw new MigrationFailed(
      `migration "${change.name}", transform: it takes text for a number. Of ${took} it made "${mistake.text}", where the number would have ` +
        `become ${mistake.number}: bigint and numeric come as text. Say string in the type of the row, and Number(…) or BigInt(…) where it computes`,
    );
  }
}

/** What `transform` returns for a row; nothing if it throws, or takes too long. */
async function transformed({ transform, transformSeconds }: Change, row: RowOf): Promise<unknown> {
  const limit = transformSeconds * 1_000;
  let changes: ReturnType<Change['transform']>;
  try {
    const ended = endedWithin(limit, () => {
      changes = transform(row);
    });
    return ended ? await settledWithin(limit, Promise.resolve(changes)) : undefined;
  } catch {
    return undefined;
  }
}

/** Where text came out for the text, and another number for the number. */
function mistakenFor(
  ofText: unknown,
  ofNumber: unknown,
): { readonly text: string; readonly number: number } | undefined {
  if (typeof ofText === 'string' && typeof ofNumber === 'number') {
    return Number(ofText) === ofNumber ? undefined : { text: ofText, number: ofNumber };
  }
  if (typeof ofText !== 'object' || typeof ofNumber !== 'object' || ofText === null || ofNumber === null) {
    return undefined;
  }
  const inNumber = new Map(Object.entries(ofNumber));
  for (const [name, value] of Object.entries(ofText)) {
    const found = mistakenFor(value, inNumber.get(name));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** What cannot be decoded is a row error, and told as one elsewhere. */
function decodedOrEmpty(table: Table, columns: readonly Column[], row: ReadRow): RowOf {
  try {
    return decode(table, columns, row);
  } catch {
    return {};
  }
}
