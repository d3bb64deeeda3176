import type { Clock } from '../clock.ts';
import { joinRanges, nextRange } from '../lanes/ranges.ts';
import { type Checkpoint, reload } from '../ledger/checkpoint.ts';
import { longerOf, noBatch } from './batch-loop.ts';
import { type Schedule, type Walked, type WalkInput, walk } from './walk.ts';

/** What lanes in one invocation work with. */
export interface LanesInput extends WalkInput {
  /** One statement is at work in the database at a time; else each lane has its own. */
  readonly oneAtWork: boolean;
}

/**
 * Walks the ranges that are ahead of a migration's checkpoint, by several lanes at once, and on from there once all of them are done.
 * Throws what the first lane that failed did, once the others have come to the end of their batches.
 */
export async function walkInLanes(input: LanesInput, from: Checkpoint): Promise<Walked> {
  const { database, lanes, pace } = input;
  let isEnded = false;
  const common = {
    ...input,
    isOver: () => isEnded || input.isOver(),
    schedule: input.oneAtWork ? oneAtWork(input.schedule, input.clock) : input.schedule,
  };
  const nowhere = { rest: { seconds: 0 }, pace, longest: noBatch, at: from, seconds: 0 };
  const walkLane = async (number: number): Promise<Walked> => {
    const lane = { number, of: lanes };
    const afterLast = (at: Checkpoint) => nextRange(database, at, lane);
    const first = await afterLast(from);
    if (first === 'none' || first === 'lost') {
      return { ...nowhere, state: first === 'none' ? 'done' : 'lost' };
    }
    return walk({ ...common, afterLast }, first);
  };
  const endAll = <T>(value: T): T => {
    isEnded = true;
    return value;
  };
  const walking = Array.from({ length: lanes }, (_, number) =>
    walkLane(number).then(
      (walked) => (walked.state === 'done' ? walked : endAll(walked)),
      (error: unknown) => Promise.reject(endAll(error)),
    ),
  );
  await Promise.allSettled(walking);
  const walked = (await Promise.all(walking)).reduce(together);
  const at = await reload(database, from);
  if (at === undefined || walked.state === 'lost') {
    return { ...walked, state: 'lost' };
  }
  if (walked.state === 'more') {
    return { ...walked, at };
  }
  const joined = await joinRanges(database, at);
  if (joined === undefined) {
    // A batch of an invocation that is no more is still at work in one of the ranges.
    return { ...walked, state: 'more', at, rest: { seconds: 1 } };
  }
  const next = await input.afterLast(joined);
  return next === 'none' || next === 'lost'
    ? { ...walked, state: next === 'none' ? 'done' : 'lost', at: joined }
    : { ...walked, state: 'more', at: next };
}

/** How walks that went on at once ended, as one. */
function together(one: Walked, other: Walked): Walked {
  const states = [one.state, other.state];
  return {
    ...one,
    state: states.includes('lost') ? 'lost' : states.includes('more') ? 'more' : 'done',
    rest: one.rest.seconds >= other.rest.seconds ? one.rest : other.rest,
    longest: longerOf(one.longest, other.longest),
    seconds: one.seconds + other.seconds,
  };
}

/** Has a batch begin when the one before it should be through: its way there, and the other's way back, cost nothing then. */
function oneAtWork(schedule: Schedule, clock: Clock): Schedule {
  let through = Number.NEGATIVE_INFINITY;
  return {
    ...schedule,
    hold: async (seconds) => {
      const rest = await schedule.hold(seconds);
      if (rest !== undefined) {
        return rest;
      }
      const begins = Math.max(clock.now(), through);
      through = begins + seconds;
      if (begins > clock.now()) {
        await clock.sleep(begins - clock.now());
      }
      return undefined;
    },
  };
}
