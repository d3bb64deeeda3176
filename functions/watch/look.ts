/** What EventBridge sends: when the look was due, in ISO 8601, the same each time that a look is tried again. */
export interface Look {
  readonly time: string;
}

/** How far apart the looks are, in seconds. Each looks at what has ended since the one before. */
export const secondsBetweenLooks = 300;

/** A look ends so long before it is due, in milliseconds: Step Functions' lists are some seconds old. */
export const listLag = 60_000;

/** Some minutes, in milliseconds since 1970: from the one, before the other. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

/** The minutes that a look is about. They go by when it was due, not by when it happens: so those of a look that is late or tried again are its own. */
export function windowOf({ time }: Look): Window {
  const until = Date.parse(time) - listLag;
  return { from: until - secondsBetweenLooks * 1_000, until };
}

/** Whether a moment, in milliseconds since 1970, is in a window. */
export const isWithin = ({ from, until }: Window, moment: number): boolean =>
  moment >= from && moment < until;
