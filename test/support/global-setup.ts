import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { synthesize } from '../../infra/synthesize.ts';
import { startPostgres } from '../../local/postgres.ts';
import { engineApplication } from './engine-application.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    /** The stack of the engine's tests: the file of its template, and the folder of its assembly. */
    engineAssembly: { readonly template: string; readonly folder: string };
    /** A folder for all that tests synthesize. */
    assemblies: string;
  }
}

/**
 * One PostgreSQL for the whole test run, from which a test takes a database of its own (`freshDatabase`), and one synthesis of
 * the machine that the engine's tests run in.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'data-migrations-test-'));
  const postgres = await startPostgres({ folder, fsync: false });
  project.provide('postgresUrl', postgres.url);
  const outdir = await mkdtemp(join(tmpdir(), 'data-migrations-stack-'));
  const template = join(outdir, 'template.json');
  await writeFile(template, JSON.stringify(synthesize({ outdir, application: engineApplication }).template));
  project.provide('engineAssembly', { template, folder: outdir });
  const assemblies = await mkdtemp(join(tmpdir(), 'data-migrations-assemblies-'));
  project.provide('assemblies', assemblies);
  return async () => {
    await postgres.stop();
    for (const made of [folder, outdir, assemblies, postgres.folder, postgres.connection.host]) {
      await rm(made, { recursive: true, force: true });
    }
  };
}
