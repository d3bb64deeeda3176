/** A command that a page shows. */
export interface Shown {
  readonly command: string;
  /** What it has said when Ctrl-C is pressed, if the page shows `^C`. */
  readonly until: string | undefined;
}

/** The commands of a `console` block, which begin with `$ `, each with the lines after it that say what it says. */
export function transcriptOf(text: string): readonly Shown[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((each) => {
      const end = each.indexOf('\n');
      const [until, after] = each.slice(end + 1).split(/^\^C\n/m);
      return { command: each.slice(0, end), until: after === undefined ? undefined : until?.trimEnd() };
    });
}
