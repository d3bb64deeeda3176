import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CommandOptions, command, type Exit } from './command.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** A place for projects of other people, in which the package is installed as it is built. */
export interface Consumer {
  /** Makes a project of these files, by their paths. */
  project(files: Readonly<Record<string, string>>): Promise<ConsumerProject>;
  remove(): Promise<void>;
}

export interface ConsumerProject {
  readonly root: string;
  /** Runs `npx migrations …` in its folder, or in one below. */
  migrations(args: readonly string[], options?: Pick<CommandOptions, 'cwd' | 'env'>): Promise<Exit>;
  /** What its TypeScript says of it: nothing, if all is well. */
  typeErrors(): Promise<string>;
  /** Runs one of its files of tests with Node, and returns how that ended. */
  test(file: string): Promise<Exit>;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Every file of it, with what is in it. */
  files(): Promise<Readonly<Record<string, string>>>;
}

export async function consumer(): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), 'consumer-'));
  const modules = join(folder, 'node_modules');
  await installPackage(modules);
  await writeFile(join(folder, 'package-lock.json'), '{}'); // by which the CDK knows how far a project goes
  let projects = 0;
  return {
    async project(files) {
      projects += 1;
      const project = projectIn(join(folder, `project-${projects}`), modules);
      await Promise.all(Object.entries(files).map(([path, text]) => project.write(path, text)));
      return project;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What npm does with the packed files, and their dependencies beside them. */
async function installPackage(modules: string): Promise<void> {
  const target = join(modules, 'serverless-data-migrations');
  await mkdir(join(target, 'cli'), { recursive: true });
  const others = await readdir(join(repository, 'node_modules'));
  await Promise.all(
    others
      .filter((name) => !name.startsWith('.'))
      .map((name) => symlink(join(repository, 'node_modules', name), join(modules, name))),
  );
  for (const file of ['package.json', 'cli/bin.js']) {
    await cp(join(repository, file), join(target, file));
  }
  const dist = join(target, 'dist');
  await run('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', dist], { cwd: repository });
  for (const file of ['local/lambda/worker.mjs', 'local/progress-page/refresh.mjs']) {
    await cp(join(repository, file), join(dist, file));
  }
}

function projectIn(root: string, modules: string): ConsumerProject {
  const script = join(modules, 'serverless-data-migrations/cli/bin.js');
  return {
    root,
    migrations: (args, { cwd = '.', env = {} } = {}) =>
      command(args, { script, cwd: join(root, cwd), env }).exited,
    typeErrors: async () => {
      const tsc = join(modules, 'typescript/bin/tsc');
      const { code, stdout } = await command(['--noEmit'], { script: tsc, cwd: root }).exited;
      return code === 0 ? '' : stdout;
    },
    test: (file) =>
      command(['--import', 'tsx', '--test', file], { script: '--no-warnings', cwd: root }).exited,
    read: (path) => readFile(join(root, path), 'utf8'),
    async write(path, text) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    },
    async files() {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const read = paths
        .sort()
        .map(async (path) => [path.slice(root.length + 1), await readFile(path, 'utf8')]);
      return Object.fromEntries(await Promise.all(read));
    },
  };
}

/** The strictest that projects have. */
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitReturns: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowUnreachableCode: false,
  isolatedModules: true,
  skipLibCheck: true,
  noEmit: true,
  types: ['node'],
};

/** A project as `cdk init` makes it, stricter: CommonJS, with a CDK app and jest. */
export const cdkProject: Readonly<Record<string, string>> = {
  'package.json':
    '{\n    "name": "shop",\n    "scripts": {\n        "test": "jest"\n    },\n    "devDependencies": { "jest": "^30", "typescript": "~7.0.2" }\n}\n',
  'tsconfig.json': tsconfig({ module: 'NodeNext', target: 'ES2022' }),
  'cdk.json': '{ "app": "npx tsx bin/shop.ts" }\n',
  '.gitignore': '*.js\nnode_modules\ncdk.out',
};

/** A project of ES modules whose bundler resolves them, with vitest. */
export const vitestProject: Readonly<Record<string, string>> = {
  'package.json':
    '{\r\n\t"name": "shop",\r\n\t"type": "module",\r\n\t"devDependencies": {\r\n\t\t"vitest": "^4.1.0"\r\n\t}\r\n}\r\n',
  'tsconfig.json': tsconfig({
    module: 'ESNext',
    moduleResolution: 'Bundler',
    target: 'ES2023',
    verbatimModuleSyntax: true,
  }),
};

function tsconfig(options: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ compilerOptions: { ...strict, ...options } }, null, 2)}\n`;
}
