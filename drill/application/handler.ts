import { migrate } from '../../functions/migrate/migrate.ts';
import { migrations } from './migrations.ts';

export const handler = migrate(migrations);
