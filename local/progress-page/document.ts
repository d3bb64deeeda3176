import { createHash } from 'node:crypto';
import { type Html, html, unsafeHtml } from '../../functions/progress-page/html.ts';
import { style } from '../../functions/progress-page/style.ts';

const pageStyle = unsafeHtml(`${style().text}
body { margin: 0; background: var(--dm-ground); }
.dm-page { max-width: 1240px; margin: 0 auto; padding: 20px clamp(14px, 3vw, 36px) 60px; }
.dm-page header { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: baseline; margin: 0 0 12px; }
.dm-page h1 { margin: 0; font-size: 20px; font-weight: 650; letter-spacing: -.01em; }
.dm-page label { margin-left: auto; color: var(--dm-muted); font-size: 13px; }
.dm-page label input { accent-color: var(--dm-accent); vertical-align: -2px; }
.dm-skip { position: absolute; left: -999px; }
.dm-skip:focus { left: 12px; top: 8px; padding: 4px 10px; background: var(--dm-raised); }
.dm-said { margin: 0 0 20px; padding: 10px 14px; border-left: 3px solid var(--dm-accent); background: var(--dm-raised); white-space: pre-wrap; overflow-wrap: anywhere; }
`);

/** Lets nothing but this page's own style and script in, nobody frame it, and its forms go nowhere else. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(pageStyle.text).digest('base64')}'`,
  "script-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

// A browser without script asks for the page anew; the script is faster, and keeps the place where one reads.
const secondsWithoutScript = 5;

/**
 * A page of its own for a browser.
 *
 * @param said What came of the last thing that somebody had done; left out if there was none.
 */
export function document(content: Html, said?: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Data migrations</title>
  <link rel="icon" href="data:,">
  <style>${pageStyle}</style>
  <noscript><meta http-equiv="refresh" content="${secondsWithoutScript}"></noscript>
  <script type="module" src="refresh.mjs"></script>
</head>
<body class="dm dm-auto">
  <a class="dm-skip" href="#dm-content">To the migrations</a>
  <div class="dm-page">
    <header><h1>Data migrations</h1><label id="dm-refresh" hidden><input type="checkbox" checked> refresh by itself</label></header>
    <p id="dm-gone" class="dm-error" role="alert" hidden>Nothing answers here any more. What you see is what it was before. Start it again: npx migrations local, and open the address that it prints.</p>
    ${said !== undefined && html`<div class="dm-said" role="status" tabindex="-1" autofocus>${said}</div>`}
    <main id="dm-content">${content}</main>
  </div>
</body>
</html>
`.text;
}
