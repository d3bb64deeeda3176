import { createInterface } from 'node:readline';
import { interruptedByUser, type OperatorCommand } from './command/command.ts';
import { answers } from './node/answers.ts';
import { Refusal, readMessage } from './node/message.ts';
import { Interrupted } from './node/run.ts';

export const node: OperatorCommand = {
  usage: 'node',
  about: 'answer messages on stdin, one JSON object a line, on stdout: backfill, validate, migrate',
  exits: [
    'stdin has ended: what went wrong with a message was its answer',
    'the system cannot be reached',
    'misuse',
  ],
  async run(system) {
    // One at a time and in order: there is one run at a time, too.
    for await (const line of createInterface({ input: system.io.in, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() === '') {
        continue;
      }
      const { message, replyTo } = readMessage(line);
      const say = (body: object): void => {
        system.io.out.write(`${JSON.stringify(replyTo(body))}\n`);
      };
      try {
        say(
          message instanceof Refusal ? message.body() : await answers[message.type](system, message as never),
        );
      } catch (error) {
        if (error instanceof Interrupted) {
          return interruptedByUser;
        }
        say(Refusal.of(error).body());
      }
    }
    return 0;
  },
};
