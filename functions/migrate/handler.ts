import { migrations } from '../migrations/index.ts';
import { migrate } from './migrate.ts';

export const handler = migrate(migrations);
