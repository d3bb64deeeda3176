import { durationText } from '../functions/engine/time/duration.ts';
import { visibleInOneLine } from '../functions/visible.ts';
import type { Breakage } from './breakage.ts';
import type { GoneOff, Testimony } from './stack/witness.ts';

/** What was not as it should be; nothing if all was. */
export function problemsOf(breakage: Breakage, { goneOff, notices, page }: Testimony): readonly string[] {
  const alarms = goneOff.map(({ alarm }) => alarm).toSorted();
  const isTold =
    notices.length === breakage.notices.length &&
    breakage.notices.every((end, i) => notices[i]?.endsWith(end));
  return [
    alarms.join() !== breakage.alarms.toSorted().join() &&
      `alarms: expected ${listed(breakage.alarms)}, got ${listed(alarms)}`,
    !isTold && `notices: expected ${listed(breakage.notices)}, got ${listed(notices)}`,
    !page.some((line) => breakage.page.test(line)) && `page: expected a line like ${breakage.page}`,
  ].filter((problem) => problem !== false);
}

/** One breakage, with what was seen of it, for people. */
export function blockOf(place: number, breakage: Breakage, testimony: Testimony): string {
  const shown = testimony.page.find((line) => breakage.page.test(line));
  const lines: readonly (readonly [head: string, text: string])[] = [
    ...entries('alarm', testimony.goneOff.map(goneOffText)),
    ...entries(
      'notice',
      testimony.notices.map((subject) => `"${subject}"`),
    ),
    ...entries('page', shown === undefined ? [] : [`"${shortened(shown)}"`]),
    ...problemsOf(breakage, testimony).map((problem) => ['WRONG', problem] as const),
  ];
  const body = lines.map(([head, text]) => `    ${head.padEnd(8)}${visibleInOneLine(text)}\n`).join('');
  return `${String(place).padStart(2)}  ${breakage.what}\n${body}\n`;
}

/** Each text behind the head that they share; `none` where there is no text. */
const entries = (head: string, texts: readonly string[]): readonly (readonly [string, string])[] =>
  (texts.length === 0 ? ['none'] : texts).map((text) => [head, text]);

const goneOffText = ({ alarm, after, wasMoved }: GoneOff): string =>
  `${alarm} after ${durationText(after)}${wasMoved ? ' (time was moved on)' : ''}`;

const listed = (texts: readonly string[]): string => texts.join(', ') || 'none';

// As much as fits in two lines of a terminal.
const mostCharacters = 150;

const shortened = (line: string): string =>
  line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line;
