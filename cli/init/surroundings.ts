import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Misuse } from '../command/misuse.ts';
import { configIn } from '../project.ts';
import { folder } from './layout.ts';
import { type PackageJson, readPackageJson } from './package-json.ts';

/** What there is in a project already, as far as it says what is missing. */
export interface Surroundings {
  readonly root: string;
  readonly packageJson: PackageJson;
  /** It has vitest, which takes every *.test.ts for its own. */
  readonly hasVitest: boolean;
  readonly hasJest: boolean;
  readonly hasConfig: boolean;
  readonly hasRegistry: boolean;
  readonly hasTsconfig: boolean;
  /** A CDK app of its own, which the migrations are added to. */
  readonly hasCdkApp: boolean;
}

/** Looks round. Throws Misuse where there is no package.json, and where migrations are laid out in another way. */
export function lookRound(root: string): Surroundings {
  const packageJson = readPackageJson(root);
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const config = configIn(root);
  if (config !== undefined && !readFileSync(config, 'utf8').includes(`${folder}/`)) {
    throw new Misuse(
      `${config} names no file in ${folder}/, so this project keeps its migrations in another place, and nothing is missing`,
    );
  }
  return {
    root,
    packageJson,
    hasVitest: packageJson.packages.has('vitest'),
    hasJest: packageJson.packages.has('jest'),
    hasConfig: config !== undefined,
    hasRegistry: existsSync(join(root, folder, 'index.ts')),
    hasTsconfig: existsSync(join(root, 'tsconfig.json')),
    hasCdkApp: existsSync(join(root, 'cdk.json')) && !read('cdk.json').includes(`${folder}/app.ts`),
  };
}
