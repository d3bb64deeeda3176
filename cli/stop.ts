import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { noteStopped } from '../functions/engine/ledger/history.ts';
import { readLedger } from '../functions/engine/overview/read-ledger.ts';
import { jsonOption, noSuchMigration, type OperatorCommand } from './command/command.ts';
import { backgroundOf, type UnderWay, underWay } from './system/executions.ts';
import { namesOf, requireKnown } from './system/names.ts';
import type { System } from './system/system.ts';
import { who } from './system/who.ts';

export const stop: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'stop [migration]',
  about:
    'stop the run that is under way, or what goes on in the background with one migration; nothing is lost',
  exits: ['stopped', 'nothing of the kind is under way', noSuchMigration],
  options: [jsonOption],
  async run(system, { json }, name) {
    const { io, command } = system;
    const found = name === undefined ? await underWay(system) : [await backgroundOf(system, name)];
    const running = found.filter((each) => each !== undefined);
    if (running.length === 0) {
      if (name !== undefined) {
        requireKnown(name, namesOf(system, await readLedger(await system.database())));
      }
      io.err.write(
        name === undefined
          ? 'no run is under way: nothing to stop\n'
          : `${name} does not go on in the background: nothing to stop. ${command('stop')} stops the run that is under way\n`,
      );
      return 1;
    }
    for (const each of running) {
      await stopOne(system, each, name);
      const { executionArn } = each;
      io.out.write(json ? `${JSON.stringify({ execution_arn: executionArn })}\n` : `${executionArn}\n`);
    }
    io.err.write(
      `stopped. A batch that is under way may still be committed, with its checkpoint. ${
        name === undefined ? command('resume') : command(`resume ${name}`)
      } goes on from there\n`,
    );
    return 0;
  },
};

async function stopOne(system: System, { executionArn }: UnderWay, name: string | undefined): Promise<void> {
  const cause = 'stopped with the command: migrations stop';
  await system.sfn.send(new StopExecutionCommand({ executionArn, error: 'Stopped', cause }));
  await noteStopped(await system.database(), String(executionArn), name, who()).catch(() => {
    system.io.err.write('the history in the ledger could not be written\n');
  });
}
