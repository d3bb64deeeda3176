import { type ExecFileException, execFile, execFileSync } from 'node:child_process';

/** Runs a command line in a folder, as somebody would type it there. Throws, with all that it printed, unless it ends with 0. */
export function shell(folder: string, line: string): Promise<string> {
  const { PATH, HOME } = process.env;
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { PATH, HOME, CI: 'true' }, maxBuffer: 64 * 1024 * 1024 };
    execFile('bash', ['-c', line], options, (error: ExecFileException | null, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        reject(new Error(`${line} ended with ${error.code}:\n${stdout}\n${stderr}`));
      }
    });
  });
}

/** Whether npm can install anything here. Where it cannot, tests of the package are skipped, and say so. */
export function hasRegistry(): boolean {
  try {
    execFileSync('npm', ['ping'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    process.stderr.write('npm reaches no registry: the tests of the package are skipped\n');
    return false;
  }
}
