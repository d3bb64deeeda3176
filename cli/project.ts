import { existsSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../local/config.ts';
import { Misuse } from './command/misuse.ts';

/** What the commands work on: a folder with a `migrations.config.ts`. */
export interface Project {
  /** The folder's path. */
  readonly root: string;
  readonly config: Config;
}

const names = ['ts', 'mts', 'js', 'mjs'].map((extension) => `migrations.config.${extension}`);

/**
 * Where the commands are, seen from a folder: in the nearest one with a `migrations.config.ts`, itself or above.
 *
 * @returns the path of that file; undefined if there is none.
 */
export function configFile(from: string = process.cwd()): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = configIn(folder);
    if (file !== undefined || folder === dirname(folder)) {
      return file;
    }
  }
}

/** The path of the config file in this folder itself; undefined if there is none. */
export function configIn(folder: string): string | undefined {
  return names.map((name) => join(folder, name)).find(existsSync);
}

/** Where a local session keeps its data: in the folder of the project, or in the working directory where there is no project. */
export function localFolder(): string {
  const file = configFile();
  return join(file === undefined ? process.cwd() : dirname(file), '.local');
}

/**
 * Loads the project. Throws Misuse when there is none, and what a migration that is wrong says of itself when it is loaded.
 */
export async function loadProject(): Promise<Project> {
  const file = configFile();
  if (file === undefined) {
    throw new Misuse(
      `there is no migrations.config.ts in ${process.cwd()}, nor in a folder above. npx migrations init makes one`,
    );
  }
  const loaded = (await load(file)) as { readonly config?: Config };
  const { config } = loaded;
  if (!Array.isArray(config?.migrations) || typeof config.application !== 'function') {
    throw new Misuse(
      `${file} must export "config" with "migrations", an array, and "application", a function; it exports ` +
        `${Object.keys(loaded).join(', ') || 'nothing'}`,
    );
  }
  return { root: dirname(file), config };
}

/** In the repository of the commands themselves, the application imports the engine's files, as the commands do, and tsx reads all of them. */
async function load(file: string): Promise<unknown> {
  if (extname(import.meta.url) === '.ts') {
    return import(pathToFileURL(file).href);
  }
  const { configModule } = await import('./config-module.ts');
  return configModule(file);
}
