import type { Clock } from '../clock.ts';
import { joinRanges, nextRange } from '../lanes/ranges.ts';
import { type Checkpoint, reload } from '../ledger/checkpoint.ts';
import { nowhere, type Turns, type Walked, type WalkInput, walk } from './walk.ts';

/**
 * Walks the ranges that are ahead of a migration's checkpoint, by several lanes of one invocation, and on from there once all of them are
 * done. Throws what the first lane that failed did, once the others have come to the end of their batches.
 *
 * @param input.takesTurns One statement is at work in the database at a time; else each lane has its own.
 */
export async function walkInLanes(
  input: WalkInput & { readonly takesTurns: boolean },
  from: Checkpoint,
): Promise<Walked> {
  const { lanes } = input;
  let isEnded = false;
  const common = {
    ...input,
    isOver: () => isEnded || input.isOver(),
    ...(input.takesTurns && { turns: oneAtWork(input.clock) }),
  };
  const endAll = <T>(value: T): T => {
    isEnded = true;
    return value;
  };
  const walking = Array.from({ length: lanes }, (_, number) =>
    walkLane(common, from, number).then(
      (walked) => (walked.state === 'done' ? walked : endAll(walked)),
      (error: unknown) => Promise.reject(endAll(error)),
    ),
  );
  await Promise.allSettled(walking);
  const walked = (await Promise.all(walking)).reduce(together);
  const at = await reload(input.database, from);
  if (at === undefined || walked.state === 'lost') {
    return { ...walked, state: 'lost' };
  }
  return walked.state === 'more' ? { ...walked, at } : walkOnFromLanes(input, at, walked);
}

/** Walks ranges by one lane until there are none left for it, the time is up, or a longer rest is due. */
export async function walkLane(input: WalkInput, from: Checkpoint, number: number): Promise<Walked> {
  const { database, lanes, pace } = input;
  const afterLast = (at: Checkpoint) => nextRange(database, at, { number, of: lanes });
  const first = await afterLast(from);
  if (first === 'none' || first === 'lost') {
    return { ...nowhere(pace, from), state: first === 'none' ? 'done' : 'lost' };
  }
  return walk({ ...input, afterLast }, first);
}

/** Goes on where all ranges end, or rests while some of them are not done yet. */
export async function walkOnFromLanes(
  input: WalkInput,
  at: Checkpoint,
  walked: Omit<Walked, 'state' | 'at'> = nowhere(input.pace, at),
): Promise<Walked> {
  const joined = await joinRanges(input.database, at);
  if (joined === undefined) {
    // A batch of an invocation that is no more may still be at work in one of them.
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
    seconds: one.seconds + other.seconds,
  };
}

/** Has a batch begin when the one before it should be through, or is: its way there, and the other's way back, cost nothing then. */
function oneAtWork(clock: Clock): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    async take(seconds) {
      const before = last;
      let end = (): void => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      let begin = (): void => {};
      last = new Promise<void>((resolve) => {
        begin = () => resolve(Promise.race([ended, clock.sleep(seconds)]));
      });
      await before;
      begin();
      return end;
    },
  };
}
