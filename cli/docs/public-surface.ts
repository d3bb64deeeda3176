import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { object, parse, record, string, union } from 'valibot';

// What the package exports, as docs/api says it: a change of one needs a change of the other, and a word in the changelog.

const packageJson = object({ exports: record(string(), union([string(), object({ types: string() })])) });

/** Where the reports are, and beside them what the changelog said when they were last written. */
const folder = 'docs/api';
const changelogThen = 'changelog.sha256';

/**
 * Writes the reports of the public surface, or only compares them with what `npm run build` has made.
 *
 * @returns what is wrong, a sentence each; nothing if all is well.
 */
export async function publicSurface(root: string, { check }: { readonly check: boolean }): Promise<string[]> {
  const stale: [file: string, report: string][] = [];
  for (const [name, report] of await reports(root)) {
    const file = join(root, folder, `${name}.api.md`);
    if ((await readFile(file, 'utf8').catch(() => '')) !== report) {
      stale.push([file, report]);
    }
  }
  if (stale.length === 0) {
    return [];
  }
  const names = stale.map(([file]) => file).join(', ');
  if (check) {
    return [
      `the public surface is another than these say: ${names}. Say so in CHANGELOG.md, and npm run surface`,
    ];
  }
  const said = join(root, folder, changelogThen);
  const changelog = newestSection(await readFile(join(root, 'CHANGELOG.md'), 'utf8'));
  if ((await readFile(said, 'utf8').catch(() => '')) === changelog) {
    return [`CHANGELOG.md says nothing yet of what has changed in the public surface: ${names}`];
  }
  await mkdir(join(root, folder), { recursive: true });
  for (const [file, report] of stale) {
    await writeFile(file, report);
  }
  await writeFile(said, changelog);
  return [];
}

/** A hash of what the changelog says of the next release. */
function newestSection(changelog: string): string {
  const [, newest = ''] = changelog.split(/^## /m);
  return `${createHash('sha256').update(newest).digest('hex')}\n`;
}

/** A report for each entry of the package: `index`, `lambda`, ….  */
async function reports(root: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(root, 'package.json'), 'utf8');
  const { exports } = parse(packageJson, JSON.parse(text));
  const entries = Object.entries(exports).flatMap(([name, entry]) =>
    typeof entry === 'string' ? [] : [[name.slice(2) || 'index', join(root, entry.types)] as const],
  );
  const scratch = await mkdtemp(join(tmpdir(), 'surface-'));
  try {
    const found = new Map<string, string>();
    const files = entries.map(([, file]) => file);
    // The program is compiled once, with all of them.
    let compilerState: CompilerState | undefined;
    for (const [name, file] of entries) {
      const config = configOf(root, scratch, name, file, files);
      compilerState ??= CompilerState.create(config, { additionalEntryPoints: files });
      Extractor.invoke(config, {
        localBuild: true, // writes the report, whatever was there
        compilerState,
        messageCallback: (message) => {
          message.handled = message.logLevel !== 'error';
        },
      });
      found.set(name, await readFile(join(scratch, `${name}.api.md`), 'utf8'));
    }
    return found;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function configOf(
  root: string,
  scratch: string,
  name: string,
  file: string,
  files: readonly string[],
): ExtractorConfig {
  const nothing = { default: { logLevel: 'none' as never } };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: file,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2023',
            module: 'ESNext',
            moduleResolution: 'Bundler',
            typeRoots: [join(root, 'node_modules/@types')],
            types: ['node'],
            strict: true,
            exactOptionalPropertyTypes: true,
            skipLibCheck: true,
          },
          files,
        },
      },
      apiReport: {
        enabled: true,
        // The shapes behind the exports are as public as these.
        includeForgottenExports: true,
        reportFolder: scratch,
        reportTempFolder: join(scratch, 'temporary'),
        reportFileName: name,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: nothing,
        extractorMessageReporting: nothing,
        tsdocMessageReporting: nothing,
      },
    },
  });
}
