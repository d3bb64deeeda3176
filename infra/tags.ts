/** The tags by which the command `migrations` finds a machine's database. No imports: infra writes them, the command reads. */
export const databaseTags = {
  clusterArn: 'data-migrations:cluster-arn',
  secretArn: 'data-migrations:secret-arn',
  databaseName: 'data-migrations:database-name',
} as const;

/** What Step Functions takes for the value of a tag. */
export const tagValue = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]{0,256}$/u;

// The secrets that RDS makes are called "rds!cluster-…", and no tag may have an exclamation mark; no ARN has a space.
export const notInTags = '!';
export const insteadInTags = ' ';

/** An ARN, from the tag that has it. */
export function arnFromTag(value: string): string {
  return value.replaceAll(insteadInTags, notInTags);
}
