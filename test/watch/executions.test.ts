import { expect, onTestFinished, test } from 'vitest';
import { failedIn } from '../../functions/watch/executions.ts';
import { definition, endpoint, machineArn } from '../local/step-functions/endpoint.ts';

/** Fails after as many seconds as its input says. */
const fails = definition({
  Wait: { Type: 'Wait', Seconds: '{% $states.input %}', Next: 'Failed' },
  Failed: { Type: 'Fail' },
});

test('A run of long ago that fails is found behind a thousand starts that have failed since it began', async () => {
  const sfn = await endpoint({ fails });
  onTestFinished(() => sfn[Symbol.asyncDispose]());
  const long = await sfn.start('fails', 10);
  for (let started = 0; started < 1_000; started += 100) {
    await Promise.all(Array.from({ length: 100 }, () => sfn.start('fails', 0)));
  }
  const { stopDate } = await sfn.ended(long);
  const ended = Number(stopDate);
  const found = await failedIn(sfn.client, machineArn('fails'), { from: ended, until: ended + 1 });
  expect(found).toContain(long);
}, 30_000);
