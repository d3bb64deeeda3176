import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ICruiseResult } from 'dependency-cruiser';

/** One file of the project imports another. */
export interface Import {
  /** Path from the root of the project, as is `to`. */
  readonly from: string;
  readonly to: string;
}

/**
 * Every import between two files of the project, those of types too, read by the tool that holds the rules of rooms.json.
 * `root` is the project's folder. In a process of its own, because the loader of our TypeScript gets in that tool's way.
 */
export async function importsOf(root: string): Promise<readonly Import[]> {
  const { stdout } = await promisify(execFile)('npx', ['depcruise', '.', '--output-type', 'json'], {
    cwd: root,
    maxBuffer: 64 * 2 ** 20, // one of 400 files takes 2 MiB
  });
  const { modules } = JSON.parse(stdout) as ICruiseResult;
  return modules.flatMap(({ source, dependencies }) =>
    dependencies
      .filter(({ dependencyTypes }) => dependencyTypes.includes('local'))
      .map(({ resolved }) => ({ from: source, to: resolved })),
  );
}
