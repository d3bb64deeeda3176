import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunInput } from '../../functions/contract.ts';
import { ledgerScript } from '../../functions/engine/ledger/schema.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import type { Execution } from './model/execution.ts';
import { type Mishap, mishaps, names, World } from './model/world.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.database.query(ledgerScript());
});
afterAll(() => engine.stop());

/** One thing that happens. What is not possible at the moment does not. */
class Command implements fc.AsyncCommand<object, World> {
  readonly #said: string;
  readonly #happens: (world: World) => Promise<void> | void;

  constructor(said: string, happens: (world: World) => Promise<void> | void) {
    this.#said = said;
    this.#happens = happens;
  }

  check = () => true;
  toString = () => this.#said;

  async run(_: object, world: World): Promise<void> {
    await this.#happens(world);
    await world.check();
  }
}

/** One of some, by a number of any size. */
const one = (some: readonly Execution[], nth: number): Execution | undefined => some[nth % some.length];

const nth = fc.nat(5);
const name = fc.constantFrom(...names);
const mishap: fc.Arbitrary<Mishap> = fc.record({
  what: fc.constantFrom(...mishaps),
  at: fc.oneof(fc.nat(12), fc.constant('batch' as const)),
});
const input: fc.Arbitrary<RunInput> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ mode: 'foreground' as const }) },
  { weight: 1, arbitrary: name.map((only) => ({ only })) },
  { weight: 1, arbitrary: name.filter((each) => each !== 'e').map((background) => ({ background })) },
);

const goesOn = fc.tuple(nth, fc.integer({ min: 1, max: 6 })).map(
  ([which, states]) =>
    new Command(`execution ${which} enters ${states} states`, async (world) => {
      const execution = one(world.running, which);
      for (let state = 0; state < states && execution?.status === 'RUNNING'; state += 1) {
        await world.step(execution);
      }
    }),
);
const suffersOf = (arbitrary: fc.Arbitrary<Mishap>) =>
  fc.tuple(nth, arbitrary).map(
    ([which, { what, at }]) =>
      new Command(`execution ${which}: at its call ${at} ${what}`, async (world) => {
        const execution = one(world.running, which);
        if (execution !== undefined) {
          await world.step(execution, { what, at });
        }
      }),
  );
const suffers = suffersOf(mishap);
const together = fc.tuple(nth, nth).map(
  ([first, second]) =>
    new Command(`executions ${first} and ${second} enter a state at once`, async (world) => {
      const some = [one(world.running, first), one(world.running, second)];
      await Promise.all(some.map((execution) => execution && world.step(execution)));
    }),
);
const starts = input.map(
  (given) =>
    new Command(`starts ${JSON.stringify(given)}`, (world) => {
      const about = 'only' in given ? given.only : 'background' in given ? given.background : undefined;
      if (about !== 'a' || world.isFirstRegistered) {
        world.start(given);
      }
    }),
);
const stop = (which: number) =>
  new Command(`stops execution ${which}`, (world) => {
    const execution = one(world.running, which);
    if (execution !== undefined) {
      world.stop(execution);
    }
  });
const stops = nth.map(stop);
const redrives = nth.map(
  (which) =>
    new Command(`redrives execution ${which} of those that were stopped`, (world) => {
      const execution = one(
        world.executions.filter(({ status }) => status === 'ABORTED'),
        which,
      );
      if (execution !== undefined) {
        world.redrive(execution);
      }
    }),
);
const arrives = fc.constant(new Command('what is late arrives', (world) => world.arrives()));
const pauses = name.map((each) => new Command(`pauses ${each}`, (world) => world.pause(each)));
const resumes = name.map((each) => new Command(`resumes ${each}`, (world) => world.resume(each)));
const tunes = fc
  .tuple(name, fc.constantFrom(0, 30))
  .map(([each, rest]) => new Command(`tunes ${each} to rest ${rest} s`, (world) => world.tune(each, rest)));
const deploys = fc
  .boolean()
  .map((all) => new Command(`deploys ${all ? 'all' : 'all but a'}`, (world) => world.deploy(all)));

const anything = [goesOn, suffers, together, starts, stops, redrives, pauses, resumes, tunes, deploys];

/** A batch is on its way while other things happen, and arrives after them. */
const isOvertakenBy = (things: (which: number) => fc.Arbitrary<readonly Command[]>) =>
  nth
    .chain((which) => fc.tuple(fc.constant(which), things(which)))
    .map(
      ([which, meanwhile]) =>
        new Command(`execution ${which}: its batch arrives after: ${meanwhile.join('; ')}`, async (world) => {
          const execution = one(world.running, which);
          if (execution !== undefined) {
            await world.step(execution, { what: 'is late', at: 'batch' });
          }
          for (const each of meanwhile) {
            await each.run({}, world);
          }
          await world.arrives();
        }),
    );
const isOvertaken = isOvertakenBy(() => fc.array(fc.oneof(...anything), { minLength: 1, maxLength: 4 }));
// Another run has the migration by then.
const isTakenOver = isOvertakenBy((which) => fc.tuple(fc.constant(stop(which)), starts, goesOn, goesOn));

type Kinds = readonly fc.Arbitrary<Command>[];
const allKinds: Kinds = [...anything, goesOn, suffers, isOvertaken, isOvertaken, isTakenOver, arrives];

/** What holds in any order of such events, with each statement as `sent` makes it. */
const property = (kinds: Kinds, sent?: (statement: string) => string) =>
  fc.asyncProperty(fc.commands([...kinds], { maxCommands: 40, size: 'max' }), async (some) => {
    const world = await World.begin(engine, sent);
    world.start({});
    await fc.asyncModelRun(() => ({ model: {}, real: world }), some);
    await world.end();
  });

describe('Runs, claims, parts and pauses in any order, with mishaps', () => {
  it('keep promises 1, 2, 4, 5, 12 and 13', async () => {
    // Shrinking what was found ends in time to be read.
    const limits = { numRuns: Number(process.env.MODEL_RUNS ?? 15), interruptAfterTimeLimit: 240_000 };
    await fc.assert(property(allKinds), limits);
  }, 300_000);

  // With the events that can show it, so that it is found soon.
  const doubled = suffersOf(fc.constant({ what: 'is doubled', at: 'batch' }));
  it.each([
    {
      fault: 'compares no claim',
      what: /m\.claim = (:p\d+)::uuid\s+AND m\.batches/,
      instead: '$1::uuid IS NOT NULL AND m.batches',
      kinds: [goesOn, starts, stops, isTakenOver, isTakenOver],
    },
    { fault: 'does not lock its line', what: /FOR UPDATE OF m/, instead: '', kinds: [goesOn, doubled] },
  ])(
    'would not if a batch $fault',
    async ({ what, instead, kinds }) => {
      const found = await fc.check(
        property(kinds, (statement) => statement.replace(what, instead)),
        { numRuns: 100, endOnFailure: true },
      );
      expect(found.failed).toBe(true);
    },
    300_000,
  );
});
