import { jsonOption, type OperatorCommand } from './command/command.ts';
import { allUnderWay, underWay } from './system/executions.ts';
import { readLedger } from './system/ledger.ts';
import { waitFor } from './system/wait.ts';

export const watch: OperatorCommand = {
  usage: 'watch',
  about: 'show the progress of the run that is under way, and end as it ends',
  exits: ['it succeeded: the result map is on stdout', 'none is under way, or it failed', 'misuse'],
  options: [jsonOption],
  async run(system) {
    const started = await underWay(system);
    const { running } = await readLedger(await system.database());
    // Whoever the ledger does not know is about to be refused.
    const known = started.find((each) => running.some((run) => run.execution_arn === each.executionArn));
    const run = known ?? started[0] ?? (await allUnderWay(system))[0];
    if (run?.executionArn === undefined) {
      system.io.err.write(`no run is under way. ${system.command('start')} starts one\n`);
      return 1;
    }
    system.io.err.write(`${run.executionArn}\n`);
    return waitFor(system, run.executionArn);
  },
};
