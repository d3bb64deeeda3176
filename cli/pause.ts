import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { pause as pauseIn } from '../functions/engine/ledger/controls.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { backgroundOf } from './system/executions.ts';
import { ledgerFor } from './system/ready.ts';
import { who } from './system/who.ts';

interface Options {
  readonly reason?: string;
  readonly json?: boolean;
}

export const pause: OperatorCommand<Options> = {
  usage: 'pause <migration>',
  about: 'let nothing go on with a migration, over releases, until resume; a run leaves it out',
  exits: ['paused', 'it was paused before, or cannot be', noSuchMigration],
  options: [['--reason <text>', 'why: every output shows it'], jsonOption],
  async run(system, { reason, json }, name = '') {
    const { io, sfn, command } = system;
    const database = await ledgerFor(system, name);
    const isNew = await pauseIn(database, name, who(), reason);
    // Its execution would only wait. What it does at the moment ends with its batch.
    const execution = await backgroundOf(system, name);
    if (execution !== undefined) {
      const cause = `paused by ${who()}${reason === undefined ? '' : `: ${reason}`}`;
      await sfn.send(
        new StopExecutionCommand({ executionArn: execution.executionArn, error: 'Paused', cause }),
      );
    }
    if (json) {
      io.out.write(`${JSON.stringify({ name, paused: isNew })}\n`);
    }
    io.err.write(
      isNew
        ? `${name} is paused. A batch that is under way may still be committed, with its checkpoint. ${command(`resume ${name}`)} ends the pause\n`
        : `${name} was paused before: ${command(`progress ${name}`)} says by whom\n`,
    );
    return isNew ? 0 : 1;
  },
};
