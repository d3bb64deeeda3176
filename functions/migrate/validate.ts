import type { Caller, Validated } from '../contract.ts';
import { MigrationFailed } from '../engine/errors.ts';
import type { Engine } from './migrate.ts';
import { find } from './registry.ts';

export async function validate(engine: Engine, _run: Caller, name: string): Promise<Validated> {
  throw new MigrationFailed(find(engine.migrations, name).name);
}
