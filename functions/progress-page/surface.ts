import type { Html } from './html.ts';

/** What somebody can have done from the page. */
export const deeds = ['stop', 'pause', 'resume', 'retry'] as const;
export type Deed = (typeof deeds)[number];

/** Where the page is shown, and what it offers there. */
export interface Surface {
  /** The reader's time zone, as luxon takes it: `local`, `UTC+2`, `Europe/Berlin`. */
  readonly zone: string;
  /** How somebody starts a run from here, as what is to be done: `open … and choose Start execution`. */
  readonly howToStart: string;
  /** The address of an execution in the console. Left out, its name is no link. */
  readonly addressOf?: (executionArn: string) => string;
  /** A button that has something done with a migration, or with the run of a release. Left out, the page has none. */
  readonly button?: (deed: Deed, migration?: string) => Html;
}
