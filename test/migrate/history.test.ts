import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HistoryLine } from '../../functions/engine/ledger/history.ts';
import { caller, startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

it.each([
  [{ Comment: 'v1.42.0, by the pipeline' }, 'v1.42.0, by the pipeline'],
  [{ Comment: 'a'.repeat(300) }, 'a'.repeat(200)],
  [{ Comment: 'Insert your JSON here' }, null],
  [{ Comment: { ticket: 12 } }, null],
  [{}, null],
])('the history says of a run who started it, or why, as its input does: %j', async (input, who) => {
  await engine.reset();
  const run = caller('one');
  await engine.process([]).invoke({ operation: 'open', run, input });
  // The same call again says nothing new.
  await engine.process([]).invoke({ operation: 'open', run, input });
  const lines = await engine.ledger<HistoryLine>('history');
  expect(lines.map(({ event, who: said }) => ({ event, who: said }))).toEqual([
    { event: 'run started', who },
  ]);
});
