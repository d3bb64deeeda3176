import { visible } from '../visible.ts';

/** HTML that is safe to send: made with `html`, which escapes whatever stands in it. */
export interface Html {
  readonly kind: 'html';
  readonly text: string;
}

/** What may stand in `${…}`: text and numbers are escaped, HTML is part of the page, and `false`, `null` and `undefined` are nothing. */
export type Part = Html | string | number | false | null | undefined | readonly Part[];

/**
 * Builds HTML. Attributes stand in double quotes, and what is in them is escaped as well.
 *
 * @example
 * html`<a href="${address}" title="${name}">${name}</a>`;
 */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return { kind: 'html', text: strings.reduce((text, piece, i) => `${text}${textOf(parts[i - 1])}${piece}`) };
}

/** Text that is already HTML: for styles and the like, which are in the code, never for what comes from anywhere else. */
export function unsafeHtml(text: string): Html {
  return { kind: 'html', text };
}

function textOf(part: Part): string {
  if (part === false || part === null || part === undefined) {
    return '';
  }
  if (typeof part === 'object') {
    return 'kind' in part ? part.text : part.map(textOf).join('');
  }
  return visible(String(part)).replaceAll(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}
