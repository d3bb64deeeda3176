import type { Caller, CleanedUp } from '../contract.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

export async function cleanup(engine: Engine, _run: Caller, name: string): Promise<CleanedUp> {
  throw new MigrationFailed(find(engine.migrations, name).name);
}
