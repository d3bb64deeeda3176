import type { Migration } from '../../functions/index.ts';
import { audienceUpdatedAt } from './audience-updated-at.ts';
import { ciBuildsStageId } from './ci-builds-stage-id.ts';
import { employeeEventPayloads } from './employee-event-payloads.ts';
import { engineConfigConditionGroups } from './engine-config-condition-groups.ts';
import { usersFullName } from './users-full-name.ts';

/** Every migration, in the order in which they run. Add new ones at the end. */
export const migrations: readonly Migration[] = [
  usersFullName,
  engineConfigConditionGroups,
  employeeEventPayloads,
  audienceUpdatedAt,
  ciBuildsStageId,
];
