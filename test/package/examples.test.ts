import { copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startLocalSession } from './local-session.ts';
import { packed } from './packed.ts';
import { hasRegistry, shell } from './shell.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const names = (await readdir(examples, { withFileTypes: true })).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

// Applications on schemas that nobody here wrote, each a project of its own, which has the package as a reader of it gets it.
describe.skipIf(!hasRegistry())('the examples, with the package as it is packed', () => {
  let root: string;

  // As in a checkout of this repository: the package two folders above. Installed once for all of them, as npm does for workspaces.
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'examples-'));
    const tarball = await packed();
    await copyFile(tarball, join(root, basename(tarball)));
    for (const name of names) {
      await cp(join(examples, name), join(root, 'examples', name), { recursive: true, filter: isSource });
      const { dependencies } = JSON.parse(await readFile(join(examples, name, 'package.json'), 'utf8'));
      const wanted = `file:../../${basename(tarball)}`;
      if (dependencies['serverless-data-migrations'] !== wanted) {
        throw new Error(
          `examples/${name}/package.json must take the package as ${wanted}, which npm pack makes`,
        );
      }
    }
    await writeFile(
      join(root, 'package.json'),
      JSON.stringify({ private: true, workspaces: ['examples/*'] }),
    );
    await shell(root, 'npm install --no-audit --no-fund --prefer-offline');
  }, 300_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  test.concurrent.for(names)(
    '%s type-checks, synthesizes, passes its own tests, and runs on this machine',
    { timeout: 600_000 },
    async (name, { expect }) => {
      const folder = join(root, 'examples', name);
      await shell(folder, 'npm run check');
      await shell(folder, 'npm run synth');
      expect(await shell(folder, 'npm test')).toMatch(/^# fail 0$/m);

      const results: Record<string, unknown> = JSON.parse(await shell(folder, 'npx migrations local --run'));
      expect(Object.keys(results)).toHaveLength(3);
      for (const result of Object.values(results)) {
        expect(result).toMatchObject({ total_updated: expect.any(Number) });
      }
      const session = await startLocalSession(folder, join(root, 'node_modules'));
      try {
        for (const migration of Object.keys(results)) {
          await shell(folder, `npx migrations finished ${migration} --local`);
        }
      } finally {
        await session.stop();
      }
    },
  );
});

/** What somebody has installed, run or synthesized in the examples stays out. */
const isSource = (path: string): boolean =>
  !/\/(node_modules|\.local|cdk\.out)(\/|$)/.test(path.slice(examples.length - 1));
