import type { Caller, Restored } from '../contract.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

export async function restore(engine: Engine, _run: Caller, name: string): Promise<Restored> {
  throw new MigrationFailed(find(engine.migrations, name).name);
}
