import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { describe } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const applications = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** CHROMIUM, which has to be there if it is set, or else what is on the path; undefined if there is none. */
const executablePath =
  process.env.CHROMIUM ||
  [
    ...(process.env.PATH ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name))),
    ...applications,
  ].find(isExecutable);

/** Tests that need a browser. Where there is none they are skipped, and say so. */
export const describeInBrowser =
  executablePath === undefined
    ? (name: string, _tests: () => void): void => {
        describe.skip(`${name}: SKIPPED, there is no Chromium here. Install one, or name it: CHROMIUM=/path/to/it`, () => {});
      }
    : describe;

/** Starts Chromium, without a window. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    // Its sandbox does not start for root, and the pages are our own.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
