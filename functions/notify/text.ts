import type { Result } from '../contract.ts';
import { durationText } from '../engine/time/duration.ts';
import type { End } from './ends.ts';
import type { Notice } from './notice.ts';

const ended: Readonly<Record<End, string>> = {
  SUCCEEDED: 'has succeeded',
  FAILED: 'has failed',
  TIMED_OUT: 'has timed out',
  ABORTED: 'was stopped',
};

/** The subject of an e-mail: SNS takes up to 100 characters of ASCII, without line breaks. */
export function subjectOf({ stack, what, status }: Notice): string {
  return `${stack}: ${what} ${ended[status]}`.replaceAll(/[^ -~]/g, '?').slice(0, 100);
}

/** A notice as a person reads it. */
export function textOf(notice: Notice): string {
  const { what, execution, status, started_at, ended_at, stack, error, cause } = notice;
  const seconds = (Date.parse(ended_at) - Date.parse(started_at)) / 1_000;
  const why = [error, cause].filter(Boolean).join(': ');
  const sections: readonly (readonly [heading: string, lines: readonly string[]])[] = [
    [
      'What',
      [`${what} ${ended[status]}, ${execution} of ${stack}`, `${when(notice)}, ${durationText(seconds)}`],
    ],
    ['How far', progressLines(notice)],
    ['Why', why === '' ? [] : why.split('\n')],
    ['What to do', [notice.to_do]],
    ['More', [notice.link, ...(notice.runbook === undefined ? [] : [notice.runbook])]],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `${heading}\n${lines.map((line) => `  ${line}`).join('\n')}\n`)
    .join('\n');
}

const when = ({ started_at, ended_at }: Notice): string =>
  `from ${started_at.slice(0, 16).replace('T', ' ')} to ${ended_at.slice(0, 16).replace('T', ' ')} UTC`;

// As many as a person reads; the JSON has all of them.
const mostLines = 30;

function progressLines({ results = {}, next_jobs = [], under_way }: Notice): readonly string[] {
  const all = Object.entries(results);
  const skipped = all.filter(([, result]) => result === 'skipped').length;
  const lines = all
    .filter(([, result]) => result !== 'skipped')
    .map(([name, result]) => `${name}: ${said(result)}`);
  return [
    ...lines.slice(0, mostLines),
    ...(lines.length > mostLines ? [`and ${lines.length - mostLines} more`] : []),
    ...(skipped > 0 ? [`${skipped} with nothing to do`] : []),
    ...(under_way
      ? [`${under_way.migration}: under way, ${grouped(under_way.total_processed)} rows done`]
      : []),
    ...next_jobs.map((job) => `then: ${job}`),
  ];
}

function said(result: Result): string {
  if (typeof result === 'string') {
    return result;
  }
  if ('state' in result) {
    return `${result.state}, ${result.percent} %`;
  }
  if ('restored' in result) {
    return `${grouped(result.restored)} rows put back, ${grouped(result.left)} left as they are`;
  }
  if ('cleaned_up' in result) {
    return 'cleaned up';
  }
  const invalid = ('validations' in result ? (result.validations ?? []) : []).filter(({ passed }) => !passed);
  return (
    [
      ...('total_updated' in result ? [`${grouped(result.total_updated)} rows changed`] : []),
      ...('errors' in result && result.errors > 0 ? [`${grouped(result.errors)} could not be migrated`] : []),
      ...invalid.map(({ name, failed_rows }) => `${name} does not hold for ${grouped(failed_rows)} rows`),
    ].join(', ') || 'valid'
  );
}

const grouped = (value: number): string => value.toLocaleString('en-US');
