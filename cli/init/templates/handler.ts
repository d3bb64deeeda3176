/** The file that is deployed as the Lambda. */
export const handler = (): string => `import { migrate } from 'serverless-data-migrations/lambda';
import { migrations } from './index.js';

/** The Lambda that does the work of each state of the machine. */
export const handler = migrate(migrations);
`;
