import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Synthesized, synthesize } from '../../infra/synthesize.ts';

/**
 * Synthesizes the stacks of an application without migrations and jobs, which takes the least time: what a document says of machines
 * and resources is the same for every application. Nothing is bundled.
 */
export async function ofBareStack<T>(
  context: Readonly<Record<string, string>>,
  look: (made: Synthesized, folder: string) => T,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-'));
  try {
    const handler = fileURLToPath(new URL('../../functions/migrate/migrate.ts', import.meta.url));
    const application = { migrations: [], handler, followUps: () => ({}) };
    const unbundled = { ...context, 'aws:cdk:bundling-stacks': [] };
    return look(synthesize({ outdir: folder, application, context: unbundled }), folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
