import type { Breakage } from './breakage.ts';
import { badRows } from './breakages/bad-rows.ts';
import { codeDoesNotLoad } from './breakages/code-does-not-load.ts';
import { columnMissing } from './breakages/column-missing.ts';
import { followUpFails } from './breakages/follow-up-fails.ts';
import { overslept } from './breakages/overslept.ts';
import { rowsLocked } from './breakages/rows-locked.ts';
import { slowTrigger } from './breakages/slow-trigger.ts';
import { stopped } from './breakages/stopped.ts';
import { tableLocked } from './breakages/table-locked.ts';
import { tooManyBadRows } from './breakages/too-many-bad-rows.ts';
import { validationFails } from './breakages/validation-fails.ts';
import { watcherOff } from './breakages/watcher-off.ts';

/** What the drill breaks, one after the other. */
export const breakages: readonly Breakage[] = [
  columnMissing,
  badRows,
  tooManyBadRows,
  validationFails,
  rowsLocked,
  tableLocked,
  slowTrigger,
  overslept,
  codeDoesNotLoad,
  followUpFails,
  watcherOff,
  stopped,
];
