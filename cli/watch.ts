import type { DescribeExecutionOutput } from '@aws-sdk/client-sfn';
import { purposeOf } from '../functions/engine/ledger/execution-purpose.ts';
import { interruptedByUser, type OperatorCommand } from './command/command.ts';
import type { System } from './system/system.ts';
import { endedText, howToGoOn, printEnd, showIfKnown, showUntil } from './system/wait.ts';
import { isUnderWay, lookAgain, type Watched } from './system/watched.ts';
import { watchedSteps } from './system/watched-steps.ts';

export const watch: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'watch',
  about: 'show the progress of all that is under way, runs and the background, until nothing is any more',
  exits: [
    'all of it succeeded: each result map is on stdout, in the order in which they ended',
    'some of it failed or was stopped, or nothing is under way',
    'misuse',
  ],
  options: [['--json', 'print one JSON object: the result maps by the ARNs of their executions']],
  async run(system, { json }) {
    const { io, command } = system;
    const ended = await followAll(system);
    if (ended === undefined) {
      io.err.write(`all of it goes on. ${command('watch')} shows it again\n`);
      return interruptedByUser;
    }
    if (ended.length === 0) {
      io.err.write(`no run is under way. ${command('start')} starts one\n`);
    }
    const succeeded = ended.filter(({ status }) => status === 'SUCCEEDED');
    if (json) {
      io.out.write(`${JSON.stringify(byArn(succeeded), null, 2)}\n`);
    } else {
      for (const each of succeeded) {
        printEnd(system, each);
      }
    }
    return ended.length > 0 && succeeded.length === ended.length ? 0 : 1;
  },
};

/** Shows all that is under way until nothing is, and returns what was, in the order in which it ended. Undefined after Ctrl-C. */
async function followAll(system: System): Promise<readonly DescribeExecutionOutput[] | undefined> {
  const database = await system.database();
  const watched: Watched = new Map();
  return showUntil(system, async (steps) => {
    const { begun, ended } = await lookAgain(system, watched);
    for (const each of begun) {
      steps.say(`${purposeOf(each)}: ${each.executionArn}\n`);
    }
    if (watched.size > 0) {
      await showIfKnown(steps, () => watchedSteps(system, database, watched));
    }
    for (const each of ended) {
      steps.say(`${endedText(each)}${howToGoOn(system, each)}`);
    }
    const all = [...watched.values()];
    return all.some(isUnderWay) ? undefined : all.sort((a, b) => Number(a.stopDate) - Number(b.stopDate));
  });
}

function byArn(succeeded: readonly DescribeExecutionOutput[]): object {
  return Object.fromEntries(
    succeeded.map(({ executionArn, output = '{}' }) => [executionArn, JSON.parse(output)]),
  );
}
