import { purposeOf } from '../engine/ledger/run-record.ts';
import { executionText } from './execution.ts';
import { moment, span } from './format.ts';
import { type Html, html } from './html.ts';
import type { Overview, Run } from './overview.ts';
import { stateLabel } from './state-label.ts';
import type { Surface } from './surface.ts';

const isOfOneMigration = ({ request }: Run): boolean => purposeOf(request) !== purposeOf({});

/** What is under way now. */
export function underWaySection({ runs, now }: Overview, surface: Surface): Html {
  const { zone, button } = surface;
  const running = runs.filter(({ state }) => state === 'running');
  const isInBackground = ({ request }: Run): boolean => request.background !== undefined;
  const [last] = runs.filter((each) => each.state !== 'running' && !isOfOneMigration(each));
  const canStop = running.some((each) => !isInBackground(each));
  const canResume = !canStop && last !== undefined && last.state !== 'succeeded';
  return html`
  <section aria-labelledby="dm-now">
    <h2 id="dm-now">Under way</h2>
    ${running.length === 0 && html`<p class="dm-empty">Nothing is under way.${last && html` The last run ${outcome(last)} ${moment(last.endedAt ?? last.startedAt, now, zone)}.`}</p>`}
    ${
      running.length > 0 &&
      html`<ul class="dm-runs">${running.map(
        (
          each,
        ) => html`<li>${stateLabel('running')} <span>${purposeOf(each.request)}, for ${span(each.startedAt, now)}</span>
          <span class="dm-remark">${executionText(each.arn, surface)}</span>
          ${each.waiting && html`<span>waits for ${each.waiting.reason}</span>`}</li>`,
      )}</ul>`
    }
    ${button && (canStop || canResume) && html`<div class="dm-actions">${canStop && button('stop')}${canResume && button('resume')}</div>`}
  </section>`;
}

function outcome({ state, endedAt }: Run): string {
  return state === 'stopped' && endedAt === null
    ? 'was stopped; it began'
    : state === 'stopped'
      ? 'was stopped'
      : state;
}

/** The last runs. */
export function runsSection({ runs, now }: Overview, surface: Surface): Html {
  const { zone } = surface;
  return html`
  <section aria-labelledby="dm-runs">
    <h2 id="dm-runs">Last runs</h2>
    ${
      runs.length === 0
        ? html`<p class="dm-empty">No run yet.</p>`
        : html`<div class="dm-scroll" role="group" aria-labelledby="dm-runs" tabindex="0"><table>
      <thead><tr><th scope="col">State</th><th scope="col">What for</th><th scope="col" class="dm-number">Began</th><th scope="col" class="dm-number">Took</th><th scope="col">Execution</th></tr></thead>
      <tbody>${runs.map(
        (
          each,
        ) => html`<tr><td>${stateLabel(each.state)}</td><td>${purposeOf(each.request)}${each.failure !== null && html`<p class="dm-why">${each.failure}</p>`}</td>
        <td class="dm-number">${moment(each.startedAt, now, zone)}</td><td class="dm-number">${tookText(each, now)}</td><td>${executionText(each.arn, surface)}</td></tr>`,
      )}</tbody></table></div>`
    }
  </section>`;
}

/** Of one that was stopped nobody knows when it ended: the ledger hears of it from the next run. */
function tookText({ state, startedAt, endedAt }: Run, now: string): string | undefined {
  return endedAt !== null ? span(startedAt, endedAt) : state === 'running' ? span(startedAt, now) : undefined;
}
