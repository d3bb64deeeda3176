import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from '@aws-sdk/client-sfn';
import { type HowFar, mostLanes } from '../contract.ts';

/** Aurora pauses when nobody has used it for five minutes, at the earliest. A rest that is shorter, in seconds, lets nobody sleep. */
const shortestPause = 300;

// A slice is five events of its Task, two of the Choice, two of its rest: so many have the latest slice of every lane.
const eventsOfSlices = mostLanes * 9;

/**
 * Whether any of some executions of the migrations machine does more than to rest for long.
 *
 * @param at Milliseconds since 1970. What should have gone on by then rests no more.
 */
export async function isAnyAtWork(
  sfn: SFNClient,
  executions: readonly string[],
  at: number,
): Promise<boolean> {
  for (const execution of executions) {
    if (!(await rests(sfn, execution, at))) {
      return true;
    }
  }
  return false;
}

/**
 * Whether an execution only rests, or waits for its next part, which is an execution of its own and judged as such.
 *
 * The last event alone does not tell: of several lanes, one may have begun to rest while another one's function is still at work, or in
 * trouble. So it is the last event of each lane, which is one that no other event follows. A lane of which these events show none rests for
 * longer than all others, or is in a task: that ends or times out within minutes, and then its event is the latest.
 */
async function rests(sfn: SFNClient, executionArn: string, at: number): Promise<boolean> {
  const history = new GetExecutionHistoryCommand({
    executionArn,
    reverseOrder: true,
    maxResults: eventsOfSlices,
  });
  const { events = [] } = await sfn.send(history);
  const open = lastOfEach(sinceRedrive(events)).filter(({ type }) => staysLast.test(type ?? ''));
  return open.length > 0 && open.every((event) => waitsForPart(event) || isLongRest(event, at));
}

/** What was under way before a redrive has ended, however it looks. */
function sinceRedrive(latestFirst: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const redriven = latestFirst.findIndex(({ type }) => type === 'ExecutionRedriven');
  return redriven < 0 ? latestFirst : latestFirst.slice(0, redriven);
}

// Others stay the last one for a moment, or because nothing is to follow: the end of a lane, the start of the execution.
const staysLast = /^(Task(?!State)|WaitStateEntered$)/;

function lastOfEach(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  const followed = new Set(events.map(({ previousEventId }) => previousEventId));
  return events.filter(({ id }) => !followed.has(id));
}

const waitsForPart = ({ type, taskSubmittedEventDetails }: HistoryEvent): boolean =>
  type === 'TaskSubmitted' && taskSubmittedEventDetails?.resource === 'startExecution.sync:2';

function isLongRest({ type, timestamp, stateEnteredEventDetails }: HistoryEvent, at: number): boolean {
  if (type !== 'WaitStateEntered') {
    return false;
  }
  const { rest_seconds: seconds = 0 } = JSON.parse(
    stateEnteredEventDetails?.input ?? '{}',
  ) as Partial<HowFar>;
  return seconds >= shortestPause && Number(timestamp) + seconds * 1_000 > at;
}
