import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import type { Result, ResultMap } from '../contract.ts';
import { executionName } from '../engine/ledger/execution-names.ts';
import { purposeOf, requestOf, wasRefused } from '../engine/ledger/execution-purpose.ts';
import { consoleLink } from './console-link.ts';
import type { End } from './ends.ts';
import type { HowFar } from './how-far.ts';
import { runbookSection } from './runbook-section.ts';
import { isKnown, whatToDo, whatToDoAboutJob } from './what-to-do.ts';

/** What people and machines are told of an execution that has ended. Field names are those of the result map. */
export interface Notice {
  readonly stack: string;
  readonly status: End;
  /** What ended: "the run of a release", "prices in the background", "the follow-up job rebuild-orders". */
  readonly what: string;
  readonly execution: string;
  readonly execution_arn: string;
  /** ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string;
  /** What it says of each migration that it was through with; left out where it would be too long for a message. */
  readonly results?: Readonly<Record<string, Result>>;
  /** The follow-up jobs that a run started. */
  readonly next_jobs?: readonly string[];
  /** The migration that it was at, and the rows that were done. */
  readonly under_way?: HowFar['underWay'];
  readonly error?: string;
  readonly cause?: string;
  readonly to_do: string;
  readonly link: string;
  /** The section of the runbook about it. */
  readonly runbook?: string;
}

/** Where a notice comes from. */
export interface Sender {
  readonly stack: string;
  readonly machineArn: string;
  readonly runbookUrl: string | undefined;
}

// A message of SNS has 256 KiB, in which the text for people and the JSON for machines stand both, one within the other.
const mostResultBytes = 60_000;

/** Whether anybody is to hear of an execution: not of a start that was refused, and of a part only by the run that it is a part of. */
export function isWorthTelling(execution: DescribeExecutionOutput): boolean {
  return !wasRefused(execution) && requestOf(execution) !== undefined;
}

/** What is to be told of an execution that has ended. */
export function noticeOf(execution: DescribeExecutionOutput, far: HowFar, from: Sender): Notice {
  const { executionArn: arn = '', stateMachineArn = '', error, cause } = execution;
  const status = execution.status as End;
  const isRun = stateMachineArn === from.machineArn;
  const { results, next_jobs } =
    isRun && status === 'SUCCEEDED' ? resultsOf(execution) : { results: far.done };
  const section = sectionOf(status, error, isRun);
  return {
    stack: from.stack,
    status,
    what: isRun ? purposeOf(execution) : `the follow-up job ${nameOf(stateMachineArn)}`,
    execution: executionName(arn),
    execution_arn: arn,
    started_at: execution.startDate?.toISOString() ?? '',
    ended_at: execution.stopDate?.toISOString() ?? '',
    ...(JSON.stringify(results).length <= mostResultBytes && { results }),
    ...(next_jobs && { next_jobs }),
    ...(far.underWay && { under_way: far.underWay }),
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
    to_do: isRun ? whatToDo(status, error, results) : whatToDoAboutJob(status, error),
    link: consoleLink(arn),
    ...(section !== undefined && { runbook: runbookSection(section, from.runbookUrl) }),
  };
}

function resultsOf({ output = '{}' }: DescribeExecutionOutput): {
  readonly results: Readonly<Record<string, Result>>;
  readonly next_jobs?: readonly string[];
} {
  const { next_jobs, ...results } = JSON.parse(output) as ResultMap;
  return {
    results: results as Readonly<Record<string, Result>>,
    ...(Array.isArray(next_jobs) && { next_jobs }),
  };
}

/** The heading in the runbook; undefined where nothing is wrong. */
function sectionOf(status: End, error: string | undefined, isRun: boolean): string | undefined {
  if (status === 'SUCCEEDED' || status === 'ABORTED') {
    return undefined;
  }
  if (isKnown(error)) {
    return error;
  }
  return isRun ? 'run-failed' : 'follow-up-failed';
}

const nameOf = (machineArn: string): string => machineArn.slice(machineArn.lastIndexOf(':') + 1);
