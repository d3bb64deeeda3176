import { InvalidArgumentError } from 'commander';
import { mostLanes } from '../functions/contract.ts';
import { messageOf } from '../functions/engine/errors.ts';
import { type Tuning, tune as tuneIn } from '../functions/engine/ledger/controls.ts';
import { parseDuration } from '../functions/engine/time/duration.ts';
import { checkWindow, type WindowOptions } from '../functions/engine/time/maintenance-window.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { wholeFromOne } from './system/input.ts';
import { ledgerFor } from './system/ready.ts';
import { who } from './system/who.ts';

interface Options {
  readonly batchSeconds?: number;
  readonly rest?: number;
  readonly within?: string;
  readonly window?: WindowOptions;
  readonly lanes?: number;
  readonly reset?: boolean;
  readonly json?: boolean;
}

export const tune: OperatorCommand<Options> = {
  usage: 'tune <migration>',
  about: 'set how fast and when a migration works, from its next batch on, in place of what its author wrote',
  exits: ['set: what counts now is on stdout', 'it cannot be set', noSuchMigration],
  options: [
    ['--batch-seconds <seconds>', 'for how long one batch may lock its rows', seconds(0, 20)],
    ['--rest <seconds>', 'the rest after each batch, in place of "within"', seconds(-1, 86_400)],
    ['--within <duration>', 'in what time it is to be done since it began: P3D, "3 days"', duration],
    ['--window <window>', 'when it works: 22:00-06:00/Europe/Berlin', windowFrom],
    ['--lanes <number>', 'how many statements are at work at once', wholeFromOne(mostLanes)],
    ['--reset', 'forget what was set: the author decides again'],
    jsonOption,
  ],
  async run(system, { batchSeconds, rest, within, window, lanes, reset }, name = '') {
    const tuning: Tuning = {
      ...(batchSeconds !== undefined && { batchSeconds }),
      ...(rest !== undefined && { restSeconds: rest }),
      ...(within !== undefined && { within }),
      ...(window !== undefined && { window }),
      ...(lanes !== undefined && { lanes }),
    };
    const isEmpty = Object.keys(tuning).length === 0;
    if (isEmpty !== (reset === true)) {
      throw new Misuse('give what to set, or --reset alone');
    }
    if (rest !== undefined && within !== undefined) {
      throw new Misuse('--within works the rests out: give one of --rest and --within');
    }
    if (system.registered.find((each) => each.name === name)?.kind === 'alterTables') {
      throw new Misuse(`${name} changes tables, all or none: it has no batches to tune`);
    }
    const database = await ledgerFor(system, name);
    const { tuned } = await tuneIn(database, name, who(), reset ? null : tuning);
    system.io.out.write(`${JSON.stringify(tuned)}\n`);
    system.io.err.write(`the next batch of ${name} takes it up\n`);
    return 0;
  },
};

function seconds(above: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value > above && value >= 0 && value <= most) {
      return value;
    }
    throw new InvalidArgumentError(
      `It must be seconds, at most ${most}${above === 0 ? ', more than 0' : ''}.`,
    );
  };
}

function duration(text: string): string {
  try {
    parseDuration(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function windowFrom(text: string): WindowOptions {
  const refuse = (problem: string): never => {
    throw new InvalidArgumentError(`${problem}; written as 22:00-06:00/Europe/Berlin`);
  };
  const [, from, to, timeZone] = /^([\d:]+)-([\d:]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (from === undefined || to === undefined) {
    return refuse(`got ${text}, which is no window`);
  }
  if (!timeZone) {
    return refuse(`got ${text}, whose time zone is missing`);
  }
  try {
    return checkWindow({ from, to, timeZone });
  } catch (error) {
    return refuse(messageOf(error));
  }
}
