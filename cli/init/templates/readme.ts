import type { Surroundings } from '../surroundings.ts';
import { snippet } from './snippet.ts';

/** What to do next, for whoever opens the folder. */
export const readme = (
  of: Pick<Surroundings, 'hasCdkApp' | 'hasVitest' | 'hasJest'>,
): string => `# Data migrations

Changes of data that ship with a release and run in Step Functions, Lambda and the RDS Data API. Try them here, without an account:

\`\`\`sh
npx migrations local --run     # runs all of them on a PostgreSQL of this machine, and prints the result
npm run migrations:test        # their tests
\`\`\`

1. **Your tables.** [schema.sql](schema.sql) is an example; its first lines say what to put there.
2. **Your migration.** \`npx migrations new NAME --table TABLE\` writes one, its test and its line in [index.ts](index.ts). While
   \`npx migrations local\` runs in another terminal, or with DATABASE_URL set, it asks that database for the key and the columns.
   \`--rewrite\` is for a change in TypeScript instead of SQL, \`--alter-tables\` for a change of many tables.
3. **See what it would do**: \`npx migrations plan NAME --local\`, and whether it may run again: \`npx migrations verify NAME --local\`.
4. **The example** goes once you have your own: delete customers-full-name.ts and its test, and take it out of index.ts.
5. **Deploy it.** ${of.hasCdkApp ? intoApp : ownApp}
6. **Run it** after each deploy: \`npx migrations start --wait\`. Migrations that are done are skipped.
${notes(of)}`;

const ownApp = `[app.ts](app.ts) is the CDK app. Onto a cluster that is there already, with the Data API enabled:

   \`\`\`sh
   npx cdk deploy --all -c clusterArn=… -c secretArn=… -c databaseName=…
   \`\`\`

   or with a new one: \`npx cdk deploy --all -c createDatabase=true -c stage=staging\`.`;

const intoApp = `Add the migrations to your CDK app, in the file that cdk.json names. The path of migrations.config.js is that from a
   folder below the root.

   \`\`\`ts
${snippet().replaceAll(/^(?=.)/gm, '   ')}   \`\`\`

   In a stack that has other things, too, it is the construct \`Migrations\` of the same module. Tests of jest load none of this unless its
   \`transformIgnorePatterns\` let it transform the package, which is of ES modules: keep it in the app, not in a stack that they test.`;

function notes({ hasVitest, hasJest }: Pick<Surroundings, 'hasVitest' | 'hasJest'>): string {
  if (hasVitest) {
    return '\nvitest runs the tests here if the `include` of its config, should it have one, takes `data-migrations/*.test.ts`.\n';
  }
  return hasJest
    ? '\nThe tests here are for `node --test`, and jest must not take them for its own: keep its `roots` out of this folder.\n'
    : '';
}
