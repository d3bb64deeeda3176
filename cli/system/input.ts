import { InvalidArgumentError } from 'commander';
import { mostLanes, type RunInput } from '../../functions/contract.ts';
import type { Option } from '../command/command.ts';

/** The options of every command that starts a run. */
export interface RunOptions {
  readonly foreground?: boolean;
  readonly force?: boolean;
  readonly batchSize?: number;
  readonly lanes?: number;
}

export const runOptions: readonly Option[] = [
  ['--foreground', 'skip rests and maintenance windows'],
  ['--force', 'go on although the database is under pressure'],
  ['--batch-size <rows>', 'rows in a batch at most', wholeFromOne()],
  ['--lanes <number>', 'how many statements are at work at once', wholeFromOne(mostLanes)],
];

/** The input of a run. The same options always make the same text: Step Functions compares it. */
export function inputOf(options: RunOptions, action: Partial<RunInput> = {}): RunInput {
  return {
    ...(options.foreground && { mode: 'foreground' }),
    ...(options.force && { force: true }),
    ...(options.batchSize !== undefined && { batch_size: options.batchSize }),
    ...(options.lanes !== undefined && { lanes: options.lanes }),
    ...action,
  } as RunInput;
}

/** Whether two inputs ask for the same: order does not matter, nor does the console's comment. */
export function sameInput(one: string | undefined, other: string | undefined): boolean {
  return canonical(one) === canonical(other);
}

function canonical(input = '{}'): string {
  const { Comment: _, ...fields } = JSON.parse(input) as Record<string, unknown>;
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads an option that is a whole number from 1 on. */
export function wholeFromOne(most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= most) {
      return value;
    }
    throw new InvalidArgumentError(
      `It must be a whole number from 1 ${Number.isFinite(most) ? `to ${most}` : 'on'}.`,
    );
  };
}
