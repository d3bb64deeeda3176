import fc from 'fast-check';
import { expect, test } from 'vitest';
import { html } from '../../functions/progress-page/html.ts';

test('text stays text, in an element and in an attribute, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { text: made } = html`<p title="${text}">${text}</p>`;
      const [, title = '', inner = ''] = /^<p title="([^"]*)">([^<]*)<\/p>$/.exec(made) ?? [];
      expect(title).toBe(inner);
      expect(inner).not.toMatch(/[<>"']|&(?!#\d+;)/);
    }),
  );
  expect(html`<p>${'<b>&"\'\u202e'}</p>`.text).toBe('<p>&#60;b&#62;&#38;&#34;&#39;\\u202e</p>');
});

test('what is nothing is left out, zero is not, and lists and HTML become part of it', () => {
  expect(html`${false}${null}${undefined}${0}${[html`<br>`, 'a', [1]]}`.text).toBe('0<br>a1');
});
