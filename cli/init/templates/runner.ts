/** What differs between node:test and vitest in a file of tests. */
export interface Runner {
  readonly module: string;
  readonly before: string;
  readonly after: string;
  /** The last argument of what takes longer than the runner allows by default: `, 60_000`. */
  readonly timeout: string;
  /** The script of package.json that runs the tests of migrations. */
  readonly script: string;
}

const node: Runner = {
  module: 'node:test',
  before: 'before',
  after: 'after',
  timeout: '',
  script: 'node --import tsx --test data-migrations/*.test.ts',
};

const vitest: Runner = {
  module: 'vitest',
  before: 'beforeAll',
  after: 'afterAll',
  // Milliseconds: a system takes seconds to start, and some more where others are at work on the machine.
  timeout: ', 60_000',
  script: 'vitest run data-migrations',
};

/** A project with vitest has tests for it, since it takes every *.test.ts for its own; any other one those of Node. */
export function runnerOf({ hasVitest }: { readonly hasVitest: boolean }): Runner {
  return hasVitest ? vitest : node;
}
