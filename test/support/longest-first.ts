import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Short files of tests that take minutes: whole projects, executions as long as a machine allows.
const long = [
  'test/package/examples.test.ts',
  'test/package/consumer.test.ts',
  'test/machine/endless.test.ts',
];

/** Begins with the longest test files, so that no worker is left alone with one in the end; those that are not `long` by their size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => long.some((path) => moduleId.endsWith(path));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
