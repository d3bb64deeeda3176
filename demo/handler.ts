import { migrate } from '../functions/migrate/migrate.ts';
import { migrations } from './migrations/index.ts';

export const handler = migrate(migrations);
