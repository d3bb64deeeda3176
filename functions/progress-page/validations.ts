import { grouped } from './format.ts';
import { type Html, html } from './html.ts';
import type { Overview } from './overview.ts';
import { stateLabel } from './state-label.ts';

/** What the validations of each migration found last; those that failed first. */
export function validationsSection({ validations }: Overview): Html {
  const failed = validations.filter(({ failedRows }) => failedRows > 0);
  const passed = validations.filter(({ failedRows }) => failedRows === 0);
  return html`
  <section aria-labelledby="dm-validations">
    <h2 id="dm-validations">Validations</h2>
    ${
      validations.length === 0
        ? html`<p class="dm-empty">No validation has been asked yet.</p>`
        : html`<div class="dm-scroll" role="group" aria-labelledby="dm-validations" tabindex="0"><table>
      <thead><tr><th scope="col">Migration</th><th scope="col">Validation</th><th scope="col">Result</th><th scope="col" class="dm-number">Rows that fail it</th></tr></thead>
      <tbody>${[...failed, ...passed].map(
        ({ migration, name, failedRows }) =>
          html`<tr><th scope="row">${migration}</th><td>${name}</td><td>${stateLabel(failedRows > 0 ? 'failed' : 'passed')}</td><td class="dm-number">${grouped(failedRows)}</td></tr>`,
      )}</tbody></table></div>`
    }
  </section>`;
}
