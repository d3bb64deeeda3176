// How the commands find a machine's database: infra writes it into tags of the machine. No imports: the commands read this
// without the CDK.

/** The keys of the tags. */
export const databaseTags = {
  clusterArn: 'data-migrations:cluster-arn',
  secretArn: 'data-migrations:secret-arn',
  databaseName: 'data-migrations:database-name',
  /** There only where it is not the default. */
  ledgerSchema: 'data-migrations:ledger-schema',
} as const;

/**
 * The key of the tag on everything that is deployed, whose value is the name of the machine that runs the migrations. Activated as a
 * cost allocation tag, it says what each stage costs.
 */
export const installationTag = 'data-migrations:installation';

/** What AWS takes for the value of a tag: at most 256 letters, digits, spaces and `_.:/=+-@`. */
export const tagValue = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]{0,256}$/u;

// RDS calls its secrets "rds!cluster-…", and a tag may have no exclamation mark. A space may stand for it, since no ARN has one.

/** The character of an ARN that no tag may have. */
export const notInTags = '!';
/** The character that stands for it in a tag. */
export const insteadInTags = ' ';

/** An ARN, from the value of the tag that carries it. */
export function arnFromTag(value: string): string {
  return value.replaceAll(insteadInTags, notInTags);
}
