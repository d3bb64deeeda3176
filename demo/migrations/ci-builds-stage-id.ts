import { backfill, sql } from '../../functions/index.ts';

/**
 * Points each build at its stage. A build whose pipeline has no such stage stays as it is and is recorded as a row error,
 * so that somebody can add the stage, or correct the build, and then have it retried.
 */
export const ciBuildsStageId = backfill({
  name: 'ci-builds-stage-id',
  table: 'ci_builds',
  key: 'id',
  where: sql`stage_id IS NULL`,
  set: {
    stage_id: sql`(SELECT s.id FROM ci_stages s WHERE s.pipeline_id = ci_builds.pipeline_id AND s.name = ci_builds.stage)`,
  },
  // Nobody waits for it: an hour, so that builds that are being written hardly notice.
  within: 'PT1H',
  // 200 builds are known to have none: room for these and as many again, so that something unforeseen still ends it.
  errorBudget: 400,
});
