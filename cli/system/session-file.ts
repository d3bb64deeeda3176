import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { number, object, parse, string } from 'valibot';
import { localFolder } from '../project.ts';

const file = object({
  pid: number(),
  region: string(),
  endpoints: object({ stepFunctions: string(), rdsData: string() }),
  credentials: object({ accessKeyId: string(), secretAccessKey: string() }),
});

/** What a running `npx migrations local` tells the commands that are given `--local`. */
export interface LocalSession {
  readonly pid: number;
  readonly region: string;
  readonly endpoints: { readonly stepFunctions: string; readonly rdsData: string };
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Beside the data of `npx migrations local`, or where LOCAL_SESSION says: for who runs two of them. */
const pathOf = (env: NodeJS.ProcessEnv): string => env.LOCAL_SESSION || join(localFolder(), 'session.json');

export function writeSession(env: NodeJS.ProcessEnv, session: LocalSession): void {
  const path = pathOf(env);
  // It lets in whoever reads it. A file that is there already would keep the rights that it has.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(session, null, 2)}\n`, { mode: 0o600 });
}

/** Removes what this process wrote; another one may have written its own since. */
export function removeSession(env: NodeJS.ProcessEnv): void {
  try {
    if (readSession(env).pid === process.pid) {
      rmSync(pathOf(env));
    }
  } catch {
    // It has gone already.
  }
}

/** Throws where there is none: `npx migrations local` is not running. */
export function readSession(env: NodeJS.ProcessEnv): LocalSession {
  try {
    return parse(file, JSON.parse(readFileSync(pathOf(env), 'utf8')));
  } catch (cause) {
    throw new Error(
      'nothing runs here that --local could talk to. Start it in another terminal: npx migrations local',
      {
        cause,
      },
    );
  }
}
