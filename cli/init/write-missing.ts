import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode } from '../../local/error-code.ts';
import type { ProjectFile } from './files.ts';

/** What became of each file: paths from the project's folder. */
export interface Written {
  readonly written: readonly string[];
  /** They were there already, and say something else. */
  readonly different: readonly string[];
}

/** Writes the files that are not there. One that is there is never touched, also if somebody makes it at the same moment. */
export function writeMissing(root: string, files: readonly ProjectFile[]): Written {
  const written: string[] = [];
  const different: string[] = [];
  for (const { path, text } of files) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    try {
      writeFileSync(target, text, { flag: 'wx' });
      written.push(path);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        throw error;
      }
      if (readFileSync(target, 'utf8') !== text) {
        different.push(path);
      }
    }
  }
  return { written, different };
}
