import { grouped, moment } from './format.ts';
import { type Html, html } from './html.ts';
import type { BadRow, Overview } from './overview.ts';
import type { Surface } from './surface.ts';

/** What the first two characters of a SQLSTATE say, of those that a row can be at fault with. */
const classes: Readonly<Record<string, string>> = {
  '22': 'a value that does not fit',
  '23': 'a constraint of the table',
  '42': 'a type or a function that does not take the value',
  '44': 'a view that does not show the row',
  '57': 'a statement that takes too long',
  P0: 'a trigger or a function that refuses it',
};

const meaning = (sqlstate: string | null): string =>
  sqlstate === null
    ? 'not refused by the database: the change threw, or left the row as one that needs it'
    : (classes[sqlstate.slice(0, 2)] ?? 'refused by the database');

/**
 * The rows that could not be migrated, counted by migration and SQLSTATE.
 *
 * @param badRows What is in them; left out where nobody has asked for that.
 */
export function rowErrorsSection(
  { rowErrors, now }: Overview,
  { zone }: Surface,
  badRows?: readonly BadRow[],
): Html {
  return html`
  <section aria-labelledby="dm-row-errors">
    <h2 id="dm-row-errors">Row errors</h2>
    ${
      rowErrors.length === 0
        ? html`<p class="dm-empty">No row error is recorded.</p>`
        : html`<div class="dm-scroll" role="group" aria-labelledby="dm-row-errors" tabindex="0"><table>
      <thead><tr><th scope="col">Migration</th><th scope="col" class="dm-number">Rows</th><th scope="col">SQLSTATE</th><th scope="col">What it says</th><th scope="col" class="dm-number">Last</th></tr></thead>
      <tbody>${rowErrors.map(
        ({
          migration,
          sqlstate,
          rows,
          last,
        }) => html`<tr><th scope="row">${migration}</th><td class="dm-number">${grouped(rows)}</td>
        <td>${sqlstate ?? html`<span class="dm-remark">none</span>`}</td><td>${meaning(sqlstate)}</td><td class="dm-number">${moment(last, now, zone)}</td></tr>`,
      )}</tbody></table></div>
      ${badRows === undefined && html`<p class="dm-remark">Keys and reasons stay in the database: <code>npx migrations errors NAME</code> lists them.</p>`}`
    }
    ${badRows && byMigration(badRows).map(([migration, rows]) => rowsOf(migration, rows, rowErrors, zone, now))}
  </section>`;
}

const byMigration = (badRows: readonly BadRow[]): readonly (readonly [string, readonly BadRow[]])[] =>
  [...new Set(badRows.map(({ migration }) => migration))].map((name) => [
    name,
    badRows.filter(({ migration }) => migration === name),
  ]);

function rowsOf(
  migration: string,
  rows: readonly BadRow[],
  counts: Overview['rowErrors'],
  zone: string,
  now: string,
): Html {
  const all = counts.filter((each) => each.migration === migration).reduce((sum, each) => sum + each.rows, 0);
  return html`
  <details id="dm-errors-of-${migration}">
    <summary>Rows of ${migration}${rows.length < all && `, the first ${rows.length} of ${grouped(all)}`}</summary>
    <div class="dm-scroll" role="group" aria-label="Rows of ${migration}" tabindex="0"><table>
      <thead><tr><th scope="col">Key</th><th scope="col">Reason</th><th scope="col">SQLSTATE</th><th scope="col" class="dm-number">When</th></tr></thead>
      <tbody>${rows.map(
        ({ key, reason, sqlstate, at }) =>
          html`<tr><th scope="row">${key.join(', ')}</th><td>${reason}</td><td>${sqlstate}</td><td class="dm-number">${moment(at, now, zone)}</td></tr>`,
      )}</tbody></table></div>
  </details>`;
}
