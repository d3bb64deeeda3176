/**
 * Whether a command said what a page shows of it, but for numbers, times and white space. `…` on the page stands for anything. Of JSON all white space
 * is left out, so that a page may lay it out as it likes.
 */
export function saysTheSame(shown: string, said: string, language: string): boolean {
  const [wanted, got] = [shown, said].map((text) => withoutNumbers(text, language)) as [string, string];
  const pattern = wanted.split('…').map(escaped).join('[^]*?');
  return new RegExp(`^${pattern}$`).test(got);
}

const duration = /#(?: (?:second|minute|hour|day)s?)(?:[, ]+# (?:second|minute|hour|day)s?)*/g;

function withoutNumbers(text: string, language: string): string {
  const without = text
    // Names of executions end in a number of 8 hexadecimal digits, or are a UUID.
    .replaceAll(/\b(?=[0-9a-f-]*\d)[0-9a-f]{8}\b(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?/g, '#')
    .replaceAll(/\d+(?:[.,:]\d+)*/g, '#')
    // A date, with its time.
    .replaceAll(/#(?:[-T] ?#)+(?: #)?Z?/g, '#')
    .replaceAll(duration, '#')
    // One slice, two slices.
    .replaceAll(/(?<=# [a-z]+)s\b/g, '');
  return language === 'json' ? without.replaceAll(/\s/g, '') : without.replaceAll(/\s+/g, ' ').trim();
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
