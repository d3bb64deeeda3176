/** What EventBridge sends: when the look was due, in ISO 8601, the same each time that a look is tried again. */
export interface Look {
  readonly time: string;
}

/** How far apart the looks are, in seconds. Each looks at what has ended since the one before. */
export const secondsBetweenLooks = 300;

/** A look ends so long before it is due, in milliseconds: Step Functions' lists are some seconds old. */
export const listLag = 60_000;
