import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { migrations } from '../../demo/migrations/index.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { registry } from '../../functions/migrate/registry.ts';

const folder = new URL('../../demo/migrations/', import.meta.url);

test('every migration that has a file is registered, once, under the name of its file', async () => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && file !== 'index.ts');
  const written = await Promise.all(
    files.map(async (file) => {
      const exported: Readonly<Record<string, unknown>> = await import(new URL(file, folder).href);
      const found = Object.values(exported).filter(isMigration);
      expect(found.map(({ name }) => `${name}.ts`)).toEqual([file]);
      return found;
    }),
  );
  expect(new Set(migrations)).toEqual(new Set(written.flat()));
  expect(migrations).toHaveLength(files.length);
  expect(() => registry(migrations)).not.toThrow();
});

function isMigration(value: unknown): value is Migration {
  return typeof value === 'object' && value !== null && 'name' in value && 'kind' in value;
}
