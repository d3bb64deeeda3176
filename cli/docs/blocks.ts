/**
 * How a block of code on a page is known to be right. It stands in a comment on the line before the block; see CONTRIBUTING.md.
 *
 * - `file`: `npm run docs` writes it from a file of the project.
 * - `run`: a test runs it, or `command`, of which it is then the output.
 * - `run by`: the test that is named runs it.
 * - `not run`: nobody does, for the reason that is given.
 */
export type Mark =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'run'; readonly command: string | undefined }
  | { readonly kind: 'run by'; readonly test: string }
  | { readonly kind: 'not run'; readonly reason: string };

/** A block of code on a page. */
export interface Block {
  /** The line that it begins in, from 1. */
  readonly line: number;
  readonly language: string;
  /** What is between its fences, without the indentation that it has in a list. */
  readonly text: string;
  readonly mark: Mark | undefined;
  /** Commands that readers do not see, and which are run before it. */
  readonly first: readonly string[];
}

/** The blocks of code of a page, in their order. */
export function blocksOf(markdown: string): readonly Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent = '', fence, language = ''] = /^( *)(`{3,})(.*)$/.exec(lines[at] as string) ?? [];
    if (fence === undefined) {
      continue;
    }
    const end = lines.findIndex((line, place) => place > at && line === indent + fence);
    const comments = commentsBefore(lines, at);
    blocks.push({
      line: at + 1,
      language,
      text: lines
        .slice(at + 1, end)
        .map((line) => `${line.slice(indent.length)}\n`)
        .join(''),
      mark: comments.map(markOf).find((mark) => mark !== undefined),
      first: comments.flatMap((comment) => /^first: (.+)$/.exec(comment)?.[1] ?? []),
    });
    at = end;
  }
  return blocks;
}

function commentsBefore(lines: readonly string[], at: number): readonly string[] {
  const [, comment] = /^ *<!-- (.+) -->$/.exec(lines[at - 1] ?? '') ?? [];
  return comment === undefined ? [] : [...commentsBefore(lines, at - 1), comment];
}

function markOf(comment: string): Mark | undefined {
  const [, kind, rest] = /^(file|run by|not run|run)(?:: (.+))?$/.exec(comment) ?? [];
  if (kind === 'run') {
    return { kind, command: rest };
  }
  if (rest === undefined) {
    return undefined;
  }
  switch (kind) {
    case 'file':
      return { kind, path: rest };
    case 'run by':
      return { kind, test: rest };
    case 'not run':
      return { kind, reason: rest };
    default:
      return undefined;
  }
}
