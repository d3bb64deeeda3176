import { atPosition, DatabaseError } from '../errors.ts';
import { partsOf, type Sql } from './sql.ts';

/** SQL that an author wrote, with the name of the option in which it stands: errors of the database point into it. */
export function labelled(fragment: Sql, label: string): Sql {
  return { ...fragment, label };
}

/**
 * The error with the place in the author's SQL, instead of a position in the whole statement, which nobody wrote. The same error
 * where there is no position, or none in SQL of an author.
 */
export function located(error: unknown, statement: Sql): unknown {
  const found = error instanceof DatabaseError && atPosition.exec(error.message);
  const place = found ? placeIn(statement, Number(found[1]) - 1) : undefined;
  if (!found || place === undefined) {
    return error;
  }
  const { message, fault, sqlState, cause } = error;
  return new DatabaseError(
    `${message.slice(0, found.index)}${place}${found[2]?.slice(2)}`,
    fault,
    sqlState,
    cause,
    place,
  );
}

/** What stands at a position, counted in characters, if an author wrote it: the option and its SQL, with a caret under the place. */
function placeIn(statement: Sql, position: number): string | undefined {
  const { parts, authored } = placed(statement);
  const leading = /^\s*/.exec(parts.map(({ text }) => text).join(''))?.[0].length ?? 0;
  const at = position + leading;
  const span = authored.find(({ start, end }) => start <= at && at < end);
  if (span === undefined) {
    return undefined;
  }
  // Its own text has `${…}` where ours has `:p12`.
  let text = '';
  let caret = 0;
  for (const part of parts.slice(span.from, span.to)) {
    const characters = [...part.text];
    if (part.start <= at) {
      const inside = part.isValue ? 0 : Math.min(at - part.start, characters.length);
      caret = [...text].length + inside;
    }
    text += part.isValue ? '$' + '{…}' : part.text;
  }
  return `; in ${span.label}:\n${pointed(text, caret)}\n`;
}

// Enough to find the place in a long query.
const linesAround = 2;

function pointed(text: string, caret: number): string {
  const before = [...text].slice(0, caret).join('').split('\n');
  const nth = before.length - 1;
  const pad = (before[nth] ?? '').replaceAll(/[^\t]/gu, ' ');
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line, i) => (i === nth ? [line, `${pad}^`] : [line]))
    .filter((_, i) => i >= nth - linesAround && i <= nth + 1 + linesAround)
    .map((line) => `  ${line}`)
    .join('\n');
}

/** A part of the text, and the character at which it begins. */
interface Placed {
  readonly text: string;
  readonly start: number;
  readonly isValue: boolean;
}

/** SQL of an author: from which character to which, and from which part to which. */
interface Authored {
  readonly label: string;
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Where each part of a statement stands, and where authors' SQL does; what stands inside of another comes before it. */
function placed(statement: Sql): {
  readonly parts: readonly Placed[];
  readonly authored: readonly Authored[];
} {
  const parts: Placed[] = [];
  const authored: Authored[] = [];
  const opened: { readonly start: number; readonly from: number }[] = [];
  let length = 0;
  for (const part of partsOf(statement)) {
    if ('text' in part) {
      parts.push({ text: part.text, start: length, isValue: part.isValue });
      length += [...part.text].length;
    } else if ('opens' in part) {
      opened.push({ start: length, from: parts.length });
    } else {
      const began = opened.pop();
      const { label } = part.closes;
      if (began !== undefined && label !== undefined) {
        authored.push({ label, ...began, end: length, to: parts.length });
      }
    }
  }
  return { parts, authored };
}
