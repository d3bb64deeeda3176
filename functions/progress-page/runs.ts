import { actionOf, purposeOf } from '../engine/ledger/run-record.ts';
import { executionText } from './execution.ts';
import { moment, span } from './format.ts';
import { type Html, html } from './html.ts';
import type { Overview, Run } from './overview.ts';
import { stateLabel } from './state-label.ts';
import type { Surface } from './surface.ts';

const isOfRelease = ({ request }: Run): boolean => actionOf(request) === undefined;

/** What is under way now. */
export function underWaySection({ runs, migrations, now }: Overview, surface: Surface): Html {
  const { zone, button } = surface;
  const running = runs.filter(({ state }) => state === 'running');
  const isInBackground = ({ request }: Run): boolean => request.background !== undefined;
  const [last] = runs.filter((each) => each.state !== 'running' && isOfRelease(each));
  const canStop = running.some((each) => !isInBackground(each));
  const canResume = !canStop && last !== undefined && last.state !== 'succeeded';
  // A run may fail before its migration has begun, which then says nothing of it.
  const isUntold = canResume && migrations.every(({ failure }) => failure !== last.failure);
  return html`
  <section aria-labelledby="dm-now">
    <h2 id="dm-now">Under way</h2>
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
    ${running.length === 0 && html`<p class="dm-empty">Nothing is under way.</p>`}
    ${!canStop && last && html`<p>The last run of a release ${outcome(last)} ${moment(last.endedAt ?? last.startedAt, now, zone)}.</p>`}
    ${isUntold && html`<p class="dm-why">${last?.failure}</p>`}
    ${button && (canStop || canResume) && html`<div class="dm-actions">${canStop && button('stop')}${canResume && button('resume')}</div>`}
  </section>`;
}

/** How a run ended, as it goes on with a moment: that of its end, or of its beginning if nobody knows its end. */
function outcome({ state, endedAt }: Run): string {
  const ended = state === 'stopped' ? 'was stopped' : state;
  return endedAt === null ? `${ended}; it began at` : `${ended} at`;
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
        ) => html`<tr><td>${stateLabel(each.state)}</td><td>${purposeOf(each.request)}${each.failure !== null && html`<details id="dm-why-${each.arn}"><summary>why it failed</summary><p class="dm-why">${each.failure}</p></details>`}</td>
        <td class="dm-number">${moment(each.startedAt, now, zone)}</td><td class="dm-number">${tookText(each, now)}</td><td>${executionText(each.arn, surface)}</td></tr>`,
      )}</tbody></table></div>`
    }
  </section>`;
}

/** Of one that was stopped nobody knows when it ended: the ledger hears of it from the next run. */
function tookText({ state, startedAt, endedAt }: Run, now: string): string | undefined {
  return endedAt !== null ? span(startedAt, endedAt) : state === 'running' ? span(startedAt, now) : undefined;
}
