import { migrate } from '../functions/lambda.ts';
import { migrations } from './migrations/index.ts';

export const handler = migrate(migrations);
