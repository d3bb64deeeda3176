import type { State } from '../engine/overview/status.ts';
import { executionText } from './execution.ts';
import { counted, grouped, moment, span } from './format.ts';
import { type Html, html } from './html.ts';
import type { Overview, Shown } from './overview.ts';
import { sparkline } from './sparkline.ts';
import { stateLabel } from './state-label.ts';
import type { Deed, Surface } from './surface.ts';

/** With nothing left to do. */
const over: readonly State[] = ['finished', 'restored', 'cleaned up'];

/** As many as one looks through without searching: more of those that are over are folded up. */
const mostUnfolded = 12;

/** Every migration: first those that have something to do, then those that are over. */
export function migrationsSection(overview: Overview, surface: Surface): Html {
  const isOver = ({ state }: Shown) => over.includes(state);
  const open = overview.migrations.filter((each) => !isOver(each));
  const done = overview.migrations.filter(isOver);
  return html`
  <section aria-labelledby="dm-migrations">
    <h2 id="dm-migrations">Migrations</h2>
    ${overview.migrations.length === 0 && html`<p class="dm-empty">No migration is registered, and the ledger remembers none.</p>`}
    ${open.length > 0 && table('Migrations that are not finished', open, overview, surface)}
    ${open.length === 0 && done.length > 0 && html`<p class="dm-empty">All of them are done.</p>`}
    ${
      done.length > 0 &&
      html`
    <details id="dm-done"${done.length <= mostUnfolded && html` open`}>
      <summary>${counted(done.length, 'migration')} with nothing left to do</summary>
      ${table('Migrations with nothing left to do', done, overview, surface)}
    </details>`
    }
  </section>`;
}

// On a narrow screen the rows are no longer laid out as a table, which would take its meaning from it: hence the roles.
function table(label: string, some: readonly Shown[], overview: Overview, surface: Surface): Html {
  const heads = ['Migration', 'State', 'Progress', 'Rows', 'Rows/s', 'Ends', 'Row errors'];
  const columns = surface.button ? [...heads, 'Actions'] : heads;
  return html`
  <table class="dm-migrations${over.includes(some[0]?.state ?? 'running') && ' dm-over'}" role="table" aria-label="${label}">
    <thead role="rowgroup"><tr role="row">${columns.map(
      (head) =>
        html`<th role="columnheader" scope="col" class="dm-col-${head.toLowerCase().replace(/\W/g, '-')}">${head}</th>`,
    )}</tr></thead>
    ${some.map((each) => row(each, columns.length, overview, surface))}
  </table>`;
}

function row(each: Shown, columns: number, overview: Overview, surface: Surface): Html {
  const { name, kind, registered, state, inBackground, heldSince, errors } = each;
  const notes = notesOf(each, overview, surface);
  const remark = registered ? `${kind}${inBackground ? ', in the background' : ''}` : 'no longer registered';
  return html`
  <tbody role="rowgroup" id="dm-of-${name}">
    <tr role="row">
      <th role="rowheader" scope="row"><span class="dm-name">${name}</span> <span class="dm-remark">${remark}</span></th>
      <td role="cell" data-of="State">${stateLabel(heldSince === null ? state : 'held')}</td>
      <td role="cell" data-of="Progress">${bar(each)}</td>
      <td role="cell" data-of="Rows" class="dm-number">${rowsText(each)}</td>
      <td role="cell" data-of="Rows/s" class="dm-number">${rateText(each)}</td>
      <td role="cell" data-of="Ends" class="dm-number">${endText(each, overview, surface)}</td>
      <td role="cell" data-of="Row errors" class="dm-number">${errors > 0 ? html`<span class="dm-bad">${grouped(errors)}</span>` : html`<span class="dm-remark">0</span>`}</td>
      ${surface.button && html`<td role="cell" data-of="Actions" class="dm-actions">${deedsFor(each).map((deed) => surface.button?.(deed, name))}</td>`}
    </tr>
    ${notes.length > 0 && html`<tr role="row" class="dm-notes"><td role="cell" colspan="${columns}">${notes.map((note) => html`<p>${note}</p>`)}</td></tr>`}
  </tbody>`;
}

function bar(each: Shown): Html {
  const { name, rows_done: done, rows_known: known } = each;
  const percent = percentOf(each);
  if (percent === null) {
    return html`<span class="dm-remark">not begun</span>`;
  }
  const said =
    each.state === 'restoring'
      ? `${percent} % put back`
      : `${percent} %, ${grouped(done)} of ${counted(known ?? 0, 'row')}`;
  return html`<span class="dm-bar" role="progressbar" aria-label="${name}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${percent}" aria-valuetext="${said}"><svg width="100%" height="8" aria-hidden="true"><rect class="dm-track" width="100%" height="8" rx="2"/><rect class="dm-done" width="${percent}%" height="8" rx="2"/></svg></span><span class="dm-percent">${percent} %</span>`;
}

/** Of the rows known; while rows are put back, of those that it had changed. */
function percentOf({ state, percent, restore, updated }: Shown): number | null {
  if (state !== 'restoring' || restore === null) {
    return percent;
  }
  const looked = restore.restored + restore.left;
  return Math.floor((looked / Math.max(updated, looked, 1)) * 1_000) / 10;
}

function rowsText({ rows_done: done, rows_known: known, state }: Shown): Html | undefined {
  if (known === null) {
    return undefined;
  }
  return over.includes(state)
    ? html`${grouped(done)}`
    : html`${grouped(done)} <span class="dm-remark">of ${grouped(known)}</span>`;
}

function rateText({ rows_per_second: rate, rates }: Shown): Html | undefined {
  return rate === null ? undefined : html`${grouped(rate)}${sparkline(rates)}`;
}

function endText(
  { ends_at, late, finishedAt, state }: Shown,
  { now }: Overview,
  { zone }: Surface,
): Html | undefined {
  if ((state === 'finished' || state === 'cleaned up') && finishedAt !== null) {
    return moment(finishedAt, now, zone);
  }
  if (ends_at === null && !late) {
    return undefined;
  }
  return html`${ends_at !== null && html`${moment(ends_at, now, zone)} <span class="dm-remark">in ${span(now, ends_at)}</span>`}${late && html` <span class="dm-bad">late</span>`}`;
}

/** What there is to say of it in sentences: why it does not go on, above all. */
function notesOf(each: Shown, { now }: Overview, { zone, addressOf }: Surface): readonly Html[] {
  const {
    state,
    resting,
    waiting,
    paused,
    restore,
    failure,
    heldSince,
    must_end_at,
    late,
    validated,
    execution,
  } = each;
  const notes = [
    failure !== null && html`<span class="dm-why">${failure}</span>`,
    resting !== null &&
      heldSince !== null &&
      html`Held for ${span(heldSince, now)}: ${resting.reason}. It looks again at ${moment(resting.until, now, zone)}.`,
    resting !== null &&
      heldSince === null &&
      html`Rests until ${moment(resting.until, now, zone)}: ${resting.reason}.`,
    waiting !== null &&
      html`Waits for ${waiting.reason}. It looks again at ${moment(waiting.until, now, zone)}.`,
    paused !== null &&
      html`Paused by ${paused.by} since ${moment(paused.at, now, zone)}${paused.reason !== null && html`: ${paused.reason}`}.`,
    state === 'stopped' &&
      html`Its execution has ended. What is done is done: the next run goes on from there.`,
    validated !== null && html`Validations have looked at ${counted(validated, 'row')}.`,
    restore !== null &&
      html`${counted(restore.restored, 'row')} put back, ${grouped(restore.left)} left because they were changed since: ${restore.because}`,
    late &&
      must_end_at !== null &&
      html`It has to be done by ${moment(must_end_at, now, zone)}, and will not be.`,
  ].filter((note) => note !== false);
  // What is to be done about one that has gone wrong begins with its execution.
  const isOfInterest =
    notes.length > 0 && execution !== null && addressOf !== undefined && !over.includes(state);
  return isOfInterest ? [...notes, html`${executionText(execution, { addressOf })}`] : notes;
}

/** What can be done with a migration as it stands. */
function deedsFor({ state, inBackground, errors, registered }: Shown): readonly Deed[] {
  if (!registered) {
    return [];
  }
  const retry: readonly Deed[] = errors > 0 ? ['retry'] : [];
  switch (state) {
    case 'running':
    case 'resting':
    case 'validating':
    case 'waiting':
      return inBackground ? ['pause', 'stop'] : ['pause'];
    case 'never run':
      return ['pause'];
    case 'paused':
      return ['resume'];
    case 'failed':
    case 'stopped':
      return inBackground ? ['resume', ...retry] : retry;
    case 'finished':
      return retry;
    default:
      return [];
  }
}
