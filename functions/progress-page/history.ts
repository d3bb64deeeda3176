import { executionText } from './execution.ts';
import { moment } from './format.ts';
import { type Html, html } from './html.ts';
import type { Overview } from './overview.ts';
import type { Surface } from './surface.ts';

/** What happened: who started, stopped, paused, tuned, restored, cleaned up. */
export function historySection({ history, now }: Overview, surface: Surface): Html {
  return html`
  <section aria-labelledby="dm-history">
    <h2 id="dm-history">History</h2>
    ${
      history.length === 0
        ? html`<p class="dm-empty">Nothing has happened yet.</p>`
        : html`<div class="dm-scroll" role="group" aria-labelledby="dm-history" tabindex="0"><table>
      <thead><tr><th scope="col" class="dm-number">When</th><th scope="col">What</th><th scope="col">Migration</th><th scope="col">Who</th><th scope="col">Run</th></tr></thead>
      <tbody>${history.map(
        ({
          at,
          event,
          migration,
          who,
          run,
          detail,
        }) => html`<tr><td class="dm-number">${moment(at, now, surface.zone)}</td><td>${event}${detail && html` <span class="dm-remark">${detail}</span>`}</td>
        <td>${migration}</td><td>${who}</td><td>${run !== null && executionText(run, surface)}</td></tr>`,
      )}</tbody></table></div>`
    }
  </section>`;
}
