import type { Stack } from './stack/stack.ts';

/** Does something twice, five minutes apart and with tables made anew: for alarms that let a moment pass. */
export async function twice(stack: Stack, work: (stack: Stack) => Promise<void>): Promise<void> {
  await work(stack);
  await stack.time.pass(5 * 60);
  await stack.database.anew();
  await work(stack);
}
