import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../local/postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

/** One PostgreSQL for the whole test run; a test takes a database of its own from it (`freshDatabase`). */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'data-migrations-test-'));
  const postgres = await startPostgres({ folder, fsync: false });
  project.provide('postgresUrl', postgres.url);
  return async () => {
    await postgres.stop();
    for (const made of [folder, postgres.folder, postgres.connection.host]) {
      await rm(made, { recursive: true, force: true });
    }
  };
}
