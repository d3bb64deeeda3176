import type { Breakage } from '../breakage.ts';

export const followUpFails: Breakage = {
  what: 'the job that follows a run fails: its projection is not there',
  alarms: ['follow-up-failed'],
  notices: ['has succeeded', 'has failed'],
  page: /^employee-event-payloads rewrite · finished/,
  async happen({ executions, followUpArn }) {
    await executions.run({ only: 'employee-event-payloads' });
    await executions.ended(await executions.latest(followUpArn));
  },
};
