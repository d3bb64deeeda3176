import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { jsonOption, type OperatorCommand } from './command/command.ts';
import { underWay } from './system/executions.ts';

export const stop: OperatorCommand<{ readonly json?: boolean }> = {
  usage: 'stop',
  about: 'stop the run that is under way; nothing is lost, and resume goes on',
  exits: ['stopped', 'no run is under way', 'misuse'],
  options: [jsonOption],
  async run(system, { json }) {
    const { io, sfn, command } = system;
    const running = await underWay(system);
    if (running.length === 0) {
      io.err.write('no run is under way: nothing to stop\n');
      return 1;
    }
    for (const { executionArn } of running) {
      const cause = 'stopped with the command: migrations stop';
      await sfn.send(new StopExecutionCommand({ executionArn, error: 'Stopped', cause }));
      io.out.write(json ? `${JSON.stringify({ execution_arn: executionArn })}\n` : `${executionArn}\n`);
    }
    io.err.write(
      `stopped. A batch that is under way may still be committed, with its checkpoint. ${command('resume')} goes on from there\n`,
    );
    return 0;
  },
};
