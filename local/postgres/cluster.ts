import type { Folders } from './folders.ts';

/** A PostgreSQL cluster: the databases in one data folder, which one server serves. */
export interface Cluster {
  readonly folders: Folders;
  /** The folder of `initdb` and `postgres`. */
  readonly programs: string;
  /** The data folder. */
  readonly data: string;
  /** Off, a crash of the machine can lose data, and writing is faster. */
  readonly fsync: boolean;
}

/** How PostgreSQL's programs are started: as the folders' account, with an environment that has nothing of ours. */
export function processOptions({ folders: { account, root } }: Cluster) {
  return {
    cwd: root, // the account may not be able to enter our working directory
    env: { LC_ALL: 'C', PATH: process.env.PATH },
    ...(account && { uid: account.uid | 0, gid: account.gid | 0 }), // spawn takes signed ids: nobody is -2 on macOS
  };
}
