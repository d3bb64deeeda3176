import { ErrorName, type PartInput, type RunInput } from '../../contract.ts';
import { purposeOf as purposeOfRun } from './run-record.ts';

// What an execution of the migrations machine is, from what Step Functions describes of it.

/** What an execution was started for; undefined for a part of another one's run. */
export function requestOf({ input = '{}' }: { readonly input?: string | undefined }): RunInput | undefined {
  const given = JSON.parse(input) as (RunInput & Partial<PartInput>) | null;
  return given?.part_of === undefined ? (given ?? {}) : undefined;
}

/** What an execution is there for, as people say it. */
export function purposeOf(execution: { readonly input?: string | undefined }): string {
  return purposeOfRun(requestOf(execution) ?? {});
}

const refusals: readonly string[] = [ErrorName.AlreadyRunning, ErrorName.InvalidInput];

/** Whether a start was refused, before it changed anything: it says nothing about the runs that are under way. */
export function wasRefused(execution: {
  readonly status?: string | undefined;
  readonly error?: string | undefined;
}): boolean {
  return execution.status === 'FAILED' && refusals.includes(execution.error ?? '');
}
