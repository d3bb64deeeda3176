import { setTimeout as sleep } from 'node:timers/promises';
import type { Breakage } from './breakage.ts';
import { blockOf, problemsOf } from './report.ts';
import type { Stack } from './stack/stack.ts';
import type { Testimony } from './stack/witness.ts';

/**
 * Breaks the stack in one way after the other.
 *
 * @param print Takes a block of text for each, as soon as it is over.
 * @returns how many of them did not show as they should.
 */
export async function drill(
  stack: Stack,
  breakages: readonly Breakage[],
  print: (text: string) => void,
): Promise<number> {
  let wrong = 0;
  for (const [i, breakage] of breakages.entries()) {
    const testimony = await broken(stack, breakage);
    print(blockOf(i + 1, breakage, testimony));
    wrong += problemsOf(breakage, testimony).length > 0 ? 1 : 0;
  }
  return wrong;
}

async function broken(stack: Stack, breakage: Breakage): Promise<Testimony> {
  const { alarms, database, witness } = stack;
  await quiet(stack);
  await database.anew();
  witness.begin();
  await breakage.happen(stack);
  // What a function writes may arrive a moment after its answer.
  await sleep(200);
  if (alarms.isWatched) {
    await alarms.look();
  }
  await witness.look();
  await witness.readPage();
  return witness.testimony;
}

/** Longer than any alarm looks back. */
const mostMinutes = 30;

/** Lets time pass until the alarms of what was before are over. */
async function quiet({ alarms, time }: Stack): Promise<void> {
  alarms.forget();
  for (let minutes = 0; minutes < mostMinutes; minutes += 1) {
    if ((await alarms.goingOff()).length === 0) {
      return;
    }
    await time.pass(60);
  }
  throw new Error(`after ${mostMinutes} minutes there are still alarms: ${await alarms.goingOff()}`);
}
