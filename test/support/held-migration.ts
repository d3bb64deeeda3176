import { expect } from 'vitest';
import type { Caller } from '../../functions/contract.ts';
import type { Outcome } from '../../local/lambda/outcome.ts';
import type { Fault, ProxiedCall } from './fault-proxy.ts';
import type { TestRuntime } from './runtime.ts';

/** A migration that gets the slices it is given, and is held before the next: so it outlasts whatever a test does meanwhile. */
export interface HeldMigration {
  /** The execution that its last slice belongs to: a run's first, or one of its parts. */
  readonly execution: string;
  /** Gives it so many slices, and does not wait for them. */
  give(slices: number): void;
  /** Waits until it is held. */
  held(): Promise<void>;
  /** Gives it a slice, and waits until a batch of it is on its way to the database. */
  batch(): Promise<Batch>;
  /** Gives it a slice, and waits until it rests after it: for so long that whatever is to happen in its rest surely does. */
  rest(): Promise<void>;
}

/** A batch that is on its way to the database, until somebody decides what becomes of it. */
export interface Batch {
  readonly call: ProxiedCall;
  decide(fault: Fault): void;
}

// For a machine that has other things to do.
const patience = { timeout: 60_000, interval: 5 };

export function holdMigration(chain: TestRuntime, migration: string, table: string): HeldMigration {
  const waiting: (() => void)[] = [];
  let given = 0;
  let restsLong = false;
  let execution = '';

  const turn = async (): Promise<void> => {
    if (given > 0) {
      given -= 1;
      return;
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  chain.between.invocation = async (request, invoke) => {
    if (request.operation !== 'batches' || request.migration !== migration) {
      return invoke();
    }
    await turn();
    execution = executionOf(request.run);
    const outcome = await invoke();
    return restsLong ? withLongRest(outcome) : outcome;
  };
  const give = (slices: number): void => {
    const next = waiting.splice(0, slices);
    given += slices - next.length;
    for (const go of next) {
      go();
    }
  };
  const state = async (): Promise<string | undefined> => {
    const history = await chain.history(execution);
    return history.findLast((event) => event.stateEnteredEventDetails)?.stateEnteredEventDetails?.name;
  };

  return {
    get execution() {
      return execution;
    },
    give,
    held: () => expect.poll(() => waiting.length, patience).toBe(1),
    batch() {
      const change = new RegExp(`UPDATE \\S*${table}`);
      const batch = new Promise<Batch>((resolve) => {
        chain.between.call = (call) => {
          if (!change.test(call.body)) {
            return 'pass';
          }
          chain.between.call = undefined;
          return new Promise((decide) => resolve({ call, decide }));
        };
      });
      give(1);
      return batch;
    },
    async rest() {
      restsLong = true;
      give(1);
      await expect.poll(async () => `${await state()}`, patience).toMatch(/^Rest/);
      restsLong = false;
    },
  };
}

const executionOf = ({ execution_arn: run, part }: Caller): string =>
  part === 1 ? run : `${run}-part-${part}`;

// Three minutes where a second lasts 2 ms; Step Functions takes no more than 99,999,999 s.
const threeYears = 94_608_000;

function withLongRest(outcome: Outcome): Outcome {
  return outcome.status === 'failed'
    ? outcome
    : { ...outcome, payload: { ...(outcome.payload as object), rest_seconds: threeYears } };
}
