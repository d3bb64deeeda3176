import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from '@aws-sdk/client-sfn';
import { is, number, object, string } from 'valibot';
import type { Result } from '../contract.ts';

/** How far a run had come that did not succeed. */
export interface HowFar {
  /** What it says of the migrations that it was through with, by their names. */
  readonly done: Readonly<Record<string, Result>>;
  /** The migration that it was at, and the rows that were done; undefined where it was at none. */
  readonly underWay: { readonly migration: string; readonly total_processed: number } | undefined;
}

/**
 * Reads in the history of an execution how far it had come: in its last thousand events, which are a hundred slices. Of a run that went on
 * in parts, that is its first part.
 */
export async function howFar(sfn: SFNClient, executionArn: string): Promise<HowFar> {
  const history = new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1_000 });
  const { events = [] } = await sfn.send(history);
  const done = Object.fromEntries(events.flatMap(resultIn).reverse());
  const underWay = lastSlice(events);
  return { done, underWay: underWay && !(underWay.migration in done) ? underWay : undefined };
}

/** The last state of each migration says its result, by the migration's name. */
function resultIn({ type, stateExitedEventDetails: exited }: HistoryEvent): readonly [string, Result][] {
  if (type !== 'SucceedStateExited') {
    return [];
  }
  const said = Object.entries(JSON.parse(exited?.output ?? '{}') as Record<string, Result>);
  return said.length === 1 ? said : [];
}

const slice = object({ state: string(), total_processed: number() });
const request = object({ Payload: object({ migration: string() }) });

function lastSlice(latestFirst: readonly HistoryEvent[]): HowFar['underWay'] {
  for (const [place, { type, stateExitedEventDetails: exited }] of latestFirst.entries()) {
    const output: unknown = type === 'TaskStateExited' ? JSON.parse(exited?.output ?? 'null') : null;
    if (!is(slice, output)) {
      continue;
    }
    const asked = latestFirst.slice(place).find((event) => event.type === 'TaskScheduled');
    const parameters: unknown = JSON.parse(asked?.taskScheduledEventDetails?.parameters ?? 'null');
    if (is(request, parameters)) {
      return { migration: parameters.Payload.migration, total_processed: output.total_processed };
    }
  }
  return undefined;
}
