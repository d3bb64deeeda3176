import cdk from '../../../cdk.json' with { type: 'json' };

/** The CDK app of a project that has none. */
export const app = (): string => `import { cdkApp } from 'serverless-data-migrations/cdk';
import { application } from '../migrations.config.js';

cdkApp(application);
`;

/** Its cdk.json, with the feature flags that the stacks are tested with. */
export const cdkJson = (): string =>
  `${JSON.stringify({ app: 'npx tsx data-migrations/app.ts', context: cdk.context }, null, 2)}\n`;
