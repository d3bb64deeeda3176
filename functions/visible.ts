// All control characters but line breaks and tabs, and the marks that have text run the other way.
const unseen = /[^\P{Cc}\n\t]|\p{Bidi_Control}/gu;

/**
 * Text that can be shown on a terminal: what would move the cursor, colour the screen or turn text round is written out, as `\u001b`.
 * JSON stays JSON that says the same.
 */
export function visible(text: string): string {
  return text.replaceAll(unseen, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same in one line, for cells of a table and for bars: line breaks and tabs become a blank. */
export function visibleInOneLine(text: string): string {
  return visible(text.replaceAll(/[\t\n\r]+/g, ' '));
}
