import type { Breakage } from '../breakage.ts';

export const watcherOff: Breakage = {
  what: 'somebody has disabled the rule by which the watcher looks',
  alarms: ['watcher-silent'],
  notices: [],
  page: /^Nothing is under way/,
  async happen({ alarms, time }) {
    alarms.isWatched = false;
    try {
      await time.pass(20 * 60);
    } finally {
      alarms.isWatched = true;
    }
  },
};
