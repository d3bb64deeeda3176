import { messageOf } from '../functions/engine/errors.ts';
import { durationText } from '../functions/engine/time/duration.ts';
import type { Stack } from './stack/stack.ts';

// The SDK warns on stderr that its versions from 2027 on want Node 22; the Lambdas have that already.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** What a shell says of a command that Ctrl-C has ended. */
const interruptedByUser = 130;

// From the beginning: what has been started is always stopped, also when Ctrl-C comes in between.
const interrupted = new Promise<number>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Each time: npm passes on what the terminal has sent already, and a second one would end the process as it cleans up.
    process.on(signal, () => resolve(interruptedByUser));
  }
});

process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }),
);

/** `npm run drill`: exits with 0 if each breakage set off the alarms that it should, and no other. */
async function main(): Promise<number> {
  process.stderr.write('Starting the stack on this machine, on a database of its own\n\n');
  const { startStack } = await import('./stack/stack.ts');
  const stack = await startStack();
  try {
    return await Promise.race([run(stack), interrupted]);
  } finally {
    await stack.close();
  }
}

async function run(stack: Stack): Promise<number> {
  const { drill } = await import('./drill.ts');
  const { breakages } = await import('./breakages.ts');
  const wrong = await drill(stack, breakages, (text) => void process.stdout.write(text));
  const took = `It took ${durationText(performance.now() / 1_000)}.`;
  process.stdout.write(
    wrong === 0
      ? `Each of the ${breakages.length} set off the alarms that it should, and no other. ${took}\n`
      : `${wrong} of ${breakages.length} did not show as they should. ${took}\n`,
  );
  return wrong === 0 ? 0 : 1;
}
