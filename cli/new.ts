import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { rowMigration } from '../functions/engine/define/row-options.ts';
import { messageOf } from '../functions/engine/errors.ts';
import type { AuthorCommand } from './command/command.ts';
import { Misuse } from './command/misuse.ts';
import { folder } from './init/layout.ts';
import { readPackageJson } from './init/package-json.ts';
import { runnerOf } from './init/templates/runner.ts';
import { writeMissing } from './init/write-missing.ts';
import { ask } from './new/ask.ts';
import { byHand, withMigration } from './new/registry.ts';
import { alterTablesFile } from './new/templates/alter-tables.ts';
import { backfillFile } from './new/templates/backfill.ts';
import { rewriteFile } from './new/templates/rewrite.ts';
import { rowsTest, type TestImports, tablesTest } from './new/templates/test-file.ts';
import type { NewMigration } from './new/templates/written.ts';
import { constantName } from './new/typescript.ts';
import { configFile } from './project.ts';

interface NewOptions {
  readonly table?: string;
  readonly rewrite?: boolean;
  readonly alterTables?: boolean;
}

export const newMigration: AuthorCommand<NewOptions> = {
  usage: 'new <migration>',
  about: `write a migration, its test and its place in ${folder}/index.ts, with the key and the columns that its table has`,
  exits: [
    'written and registered: the files are on stdout',
    'written, but not registered: what to add by hand is on stderr; or it could not be written',
    'misuse, or no project here',
  ],
  options: [
    ['--table <table>', 'the table, or schema.table, as the catalog has it: not in quotes'],
    ['--rewrite', 'the change is TypeScript, one row at a time; by default it is SQL'],
    ['--alter-tables', 'it changes tables: all of the schema of --table'],
  ],
  async run(io, { table, rewrite = false, alterTables = false }, name = '') {
    checkNames(name, table);
    if (rewrite && alterTables) {
      throw new Misuse('a migration has one kind: got --rewrite and --alter-tables');
    }
    const project = findProject();
    const constant = constantName(name);
    const files = { migration: `${folder}/${name}.ts`, test: `${folder}/${name}.test.ts` };
    checkFree(project, Object.values(files), constant);

    const migration: NewMigration = { name, constant, table, known: await ask(io, table) };
    const extended = withMigration(project.registry, constant, name);
    const imports = importsOf(project, name, extended?.extension ?? '.js');
    const kind = alterTables ? alterTablesFile : rewrite ? rewriteFile : backfillFile;
    writeMissing(project.root, [
      { path: files.migration, text: kind(migration) },
      { path: files.test, text: (alterTables ? tablesTest : rowsTest)(migration, imports) },
    ]);
    io.out.write(`${files.migration}\n${files.test}\n`);
    if (extended === undefined) {
      io.err.write(
        `The form of ${folder}/index.ts is not understood: it is no "export const migrations = [" with names, below its imports. ` +
          `Add there:\n${byHand(constant, name)}`,
      );
      return 1;
    }
    writeFileSync(join(project.root, registryPath), extended.text);
    io.out.write(`${registryPath}\n`);
    io.err.write(next(name, files.migration, alterTables));
    return 0;
  },
};

const registryPath = `${folder}/index.ts`;

/** By the engine's own rules. */
function checkNames(name: string, table: string | undefined): asserts table is string {
  if (table === undefined) {
    throw new Misuse('--table is missing: which table is it about?');
  }
  try {
    rowMigration({ name, table, key: 'id', immutableKey: true });
  } catch (error) {
    throw new Misuse(messageOf(error), { cause: error });
  }
}

interface Project {
  readonly root: string;
  /** The name of the config's file. */
  readonly config: string;
  readonly registry: string;
  readonly hasVitest: boolean;
}

function findProject(): Project {
  const file = configFile();
  const root = file === undefined ? process.cwd() : dirname(file);
  if (file === undefined || !existsSync(join(root, registryPath))) {
    throw new Misuse(
      `there is no ${file === undefined ? 'migrations.config.ts' : registryPath} in ${root}. npx migrations init writes it`,
    );
  }
  const { packages } = readPackageJson(root);
  const registry = readFileSync(join(root, registryPath), 'utf8');
  return { root, config: basename(file), registry, hasVitest: packages.has('vitest') };
}

function checkFree({ root, registry }: Project, files: readonly string[], constant: string): void {
  const present = files.filter((file) => existsSync(join(root, file)));
  if (present.length > 0) {
    throw new Misuse(`${present.join(' and ')} is there already: choose another name`);
  }
  if (registry.split(/[^\w$]+/).includes(constant)) {
    throw new Misuse(`${registryPath} has a ${constant} already: choose another name`);
  }
}

/** The modules as the registry's other imports are written: with the extension of what TypeScript makes of them, as a rule. */
function importsOf({ config, hasVitest }: Project, name: string, extension: string): TestImports {
  const given = extname(config);
  const compiled: Readonly<Record<string, string>> = { '.ts': extension, '.mts': '.mjs' };
  return {
    runner: runnerOf({ hasVitest }),
    module: `./${name}${extension}`,
    config: `../${basename(config, given)}${compiled[given] ?? given}`,
  };
}

function next(name: string, file: string, isOfTables: boolean): string {
  const steps = [
    `put what fits in place of each fillIn(…) in ${file}, and into its test what should come of it`,
    `npx migrations plan ${name} --local: what it would do, while npx migrations local runs in another terminal`,
    ...(isOfTables ? [] : [`npx migrations verify ${name} --local: whether it may run again`]),
  ];
  return `\nNext:\n${steps.map((step, i) => `  ${i + 1}. ${step}\n`).join('')}`;
}
