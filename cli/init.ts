import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorCommand } from './command/command.ts';
import type { Io } from './command/io.ts';
import { filesFor } from './init/files.ts';
import { withIgnored } from './init/ignored.ts';
import { folder } from './init/layout.ts';
import { withScript } from './init/package-json.ts';
import { installCommand } from './init/packages.ts';
import { lookRound, type Surroundings } from './init/surroundings.ts';
import { runnerOf } from './init/templates/runner.ts';
import { snippet } from './init/templates/snippet.ts';
import { writeMissing } from './init/write-missing.ts';

export const init: AuthorCommand = {
  usage: 'init',
  about: `write what this project lacks to have migrations: ${folder}/ with an example and its test, migrations.config.ts, a CDK app`,
  exits: [
    'all is there; what was written is on stdout',
    'it could not be written',
    'misuse, or no package.json here',
  ],
  async run(io) {
    const project = lookRound(process.cwd());
    const { written, different } = writeMissing(project.root, filesFor(project));
    const changed = [...addScript(io, project), ...addIgnored(project)];
    for (const path of [...written, ...changed]) {
      io.out.write(`${path}\n`);
    }
    if (different.length > 0) {
      io.err.write(`Left as they are, since they were there: ${different.join(', ')}\n`);
    }
    const install = installCommand(project.packageJson);
    if (install !== undefined) {
      io.err.write(`\npackage.json does not name all that this needs. Install it:\n\n  ${install}\n`);
    }
    io.err.write(
      written.length + changed.length === 0 ? '\nNothing was missing, nothing was written\n' : next(project),
    );
    return 0;
  },
};

const scriptName = 'migrations:test';

/** Returns the files that it changed. */
function addScript(io: Io, { packageJson, ...of }: Surroundings): readonly string[] {
  const { script } = runnerOf(of);
  const present = packageJson.scripts[scriptName];
  if (present === undefined) {
    writeFileSync(packageJson.path, withScript(packageJson, scriptName, script));
    return ['package.json'];
  }
  if (present !== script) {
    io.err.write(`Left as it is, since it was there: the script ${scriptName}. It would be: ${script}\n`);
  }
  return [];
}

function addIgnored({ root, hasCdkApp }: Surroundings): readonly string[] {
  const path = join(root, '.gitignore');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const changed = withIgnored(text, hasCdkApp ? ['.local'] : ['.local', 'cdk.out']);
  if (changed === undefined) {
    return [];
  }
  writeFileSync(path, changed);
  return ['.gitignore'];
}

function next({ hasCdkApp }: Surroundings): string {
  const stack = hasCdkApp
    ? `\nThis project has a CDK app: add the migrations to it, as ${folder}/README.md says, too:\n\n${indented(snippet())}`
    : '';
  return `${stack}\nNext: npx migrations local --run, and then ${folder}/README.md\n`;
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');
