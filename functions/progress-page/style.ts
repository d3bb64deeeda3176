import { type Html, unsafeHtml } from './html.ts';

/** The colours, for both schemes. Text has a contrast of 4.5 to 1 on `ground` and `raised` at least. */
export const colours = {
  light: {
    ground: '#ffffff',
    raised: '#f5f7f9',
    text: '#1c2733',
    muted: '#566372',
    line: '#dde3e9',
    accent: '#0b63b5',
    bad: '#b3261e',
    warn: '#8a5200',
    good: '#28663f',
  },
  dark: {
    ground: '#12171d',
    raised: '#1a2129',
    text: '#e3e8ee',
    muted: '#9ba8b6',
    line: '#2d3742',
    accent: '#62b0f5',
    bad: '#ff8d84',
    warn: '#f0b25c',
    good: '#7cc796',
  },
} as const;

/** A colour scheme; `auto` is what the browser prefers. */
export type Scheme = keyof typeof colours | 'auto';

const variables = (scheme: keyof typeof colours): string =>
  Object.entries(colours[scheme])
    .map(([name, value]) => `--dm-${name}:${value}`)
    .join(';');

/**
 * What the page looks like, below an element of the classes `dm` and `dm-light`, `dm-dark` or `dm-auto`. All names begin with `dm`, since
 * a dashboard has names of its own.
 */
export function style(): Html {
  return unsafeHtml(`
.dm { ${variables('light')}; color-scheme: light; color: var(--dm-text); font: 14px/1.45 system-ui, sans-serif; container-type: inline-size; }
.dm-dark { ${variables('dark')}; color-scheme: dark; }
@media (prefers-color-scheme: dark) { .dm-auto { ${variables('dark')}; color-scheme: dark; } }
.dm section { margin: 0 0 28px; }
.dm h2 { margin: 0 0 8px; font-size: 12px; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--dm-muted); }
.dm p { margin: 0; }
.dm a { color: var(--dm-accent); }
.dm code { font: 12px ui-monospace, monospace; }
.dm time { white-space: nowrap; }
.dm-summary { margin: 0 0 20px !important; font-size: 16px; }
.dm-summary strong { font-weight: 600; }
.dm-about, .dm-error { margin: 0 0 20px !important; padding: 10px 14px; border-left: 3px solid var(--dm-warn); background: var(--dm-raised); }
.dm-error { border-color: var(--dm-bad); }
.dm-error p + p { margin-top: 8px; }
.dm-empty, .dm-remark { color: var(--dm-muted); }
.dm-remark { font-size: 12px; font-weight: 400; }
.dm-bad { color: var(--dm-bad); font-weight: 600; }
.dm-why { display: block; max-width: 110ch; padding-left: 10px; border-left: 2px solid var(--dm-bad); color: var(--dm-text); overflow-wrap: anywhere; white-space: pre-wrap; }
.dm section > .dm-why, .dm section > .dm-actions { margin-top: 8px; }

.dm table { width: 100%; border-collapse: collapse; background: none; color: inherit; font: inherit; }
.dm th, .dm td { padding: 6px 16px 6px 0; text-align: left; vertical-align: top; font-weight: 400; border: 0; background: none; color: inherit; overflow-wrap: break-word; }
.dm th:last-child, .dm td:last-child { padding-right: 0; }
.dm thead th { padding-block: 0 5px; font-size: 12px; color: var(--dm-muted); border-bottom: 1px solid var(--dm-line); white-space: nowrap; }
.dm tbody tr { border-top: 1px solid var(--dm-line); }
.dm thead + tbody tr:first-child { border-top: 0; }
.dm .dm-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.dm td p { margin-top: 2px; }
.dm-scroll { overflow-x: auto; }
.dm section > details { margin-top: 12px; }
.dm summary { padding: 4px 0; color: var(--dm-muted); cursor: pointer; }
.dm :focus-visible { outline: 2px solid var(--dm-accent); outline-offset: 2px; border-radius: 2px; }

.dm-state { display: inline-flex; gap: 7px; align-items: center; white-space: nowrap; color: var(--dm-muted); }
.dm-state svg { flex: none; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
.dm-state .dm-filled { fill: currentColor; stroke: none; }
.dm-state.dm-live { color: var(--dm-accent); }
.dm-state.dm-bad { color: var(--dm-bad); }
.dm-state.dm-warn { color: var(--dm-warn); }
.dm-state.dm-good { color: var(--dm-good); }
.dm-runs { margin: 0; padding: 0; list-style: none; }
.dm-runs li { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 2px 0; }

.dm-migrations { table-layout: fixed; }
.dm-migrations :is(th, td) { overflow-wrap: anywhere; }
.dm-migrations .dm-col-migration { width: 23%; }
.dm-migrations .dm-col-state { width: 9%; }
.dm-migrations .dm-col-progress { width: 15%; }
.dm-migrations .dm-col-rows { width: 12%; }
.dm-migrations .dm-col-rows-s { width: 8%; }
.dm-migrations .dm-col-ends { width: 11%; }
.dm-migrations .dm-col-row-errors { width: 8%; }
.dm-migrations .dm-col-actions { width: 14%; }
.dm-migrations :is(.dm-col-rows, .dm-col-rows-s, .dm-col-ends, .dm-col-row-errors) { text-align: right; }
.dm-migrations .dm-number { white-space: normal; }
.dm-migrations .dm-number .dm-remark { white-space: nowrap; }
.dm-migrations tbody tr { border-top: 1px solid var(--dm-line); }
.dm-migrations .dm-notes, .dm-migrations thead + tbody tr:first-child { border-top: 0; }
.dm-name { font-weight: 600; }
.dm-migrations .dm-notes td { padding-top: 0; color: var(--dm-muted); }
.dm-notes p { max-width: 110ch; }
.dm-bar { display: inline-block; width: calc(100% - 62px); vertical-align: middle; line-height: 0; }
.dm-track { fill: var(--dm-line); }
.dm-done { fill: var(--dm-accent); }
.dm-over .dm-done { opacity: .4; }
.dm-percent { display: inline-block; width: 58px; text-align: right; font-variant-numeric: tabular-nums; }
.dm-spark { display: block; margin: 2px 0 0 auto; }
.dm-spark polyline { fill: none; stroke: var(--dm-accent); stroke-width: 1.5; }
.dm-spark polygon { fill: var(--dm-accent); opacity: .14; }
.dm-actions { display: flex; flex-wrap: wrap; gap: 6px; }
.dm td.dm-actions { display: table-cell; }
.dm-actions form { display: inline-block; margin: 0 6px 4px 0; }
.dm-actions button { padding: 2px 10px; font: inherit; font-size: 13px; color: var(--dm-text); background: var(--dm-raised); border: 1px solid var(--dm-muted); border-radius: 4px; cursor: pointer; }
.dm-actions button:hover { border-color: var(--dm-accent); color: var(--dm-accent); }

@container (max-width: 720px) {
  .dm-scroll table { min-width: 640px; }
  .dm-migrations, .dm-migrations tbody { display: block; }
  .dm-migrations thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .dm-migrations tbody { padding: 10px 0; border-top: 1px solid var(--dm-line); }
  .dm-migrations tbody tr { display: flex; flex-wrap: wrap; gap: 2px 18px; border: 0; }
  .dm-migrations tbody :is(th, td), .dm td.dm-actions { display: block; padding: 0; text-align: left; }
  .dm-migrations tbody th { flex: 1 1 60%; }
  .dm-migrations [data-of="Progress"], .dm-migrations [data-of="Actions"], .dm-migrations .dm-notes td { flex: 1 0 100%; }
  .dm-migrations .dm-number::before { content: attr(data-of) " "; font-size: 12px; color: var(--dm-muted); }
  .dm-migrations .dm-number:empty { display: none; }
  .dm-spark { display: inline-block; margin: 0 0 0 6px; vertical-align: middle; }
  .dm-actions button { padding: 6px 14px; }
}
@media (prefers-reduced-motion: no-preference) { .dm-done { transition: width .6s linear; } }
`);
}
