import { defineConfig } from 'vitest/config';
import { CountsReporter } from './test/support/counts-reporter.ts';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Somebody else's tests, which the test of the package runs.
    exclude: ['test/package/consumer/**'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new CountsReporter()],
    // The SDK would remind every test file of the Node version that it wants from 2027 on.
    env: {
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      // Handlers that run in the tests' own process; a test of what they say runs them in the local Lambda.
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    },
    // Two cores are what CI has. A third worker uses them while the tests of the others wait for a lock or a timeout.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // What a test file leaves in its modules is nothing, and loading them anew for each file takes a quarter of the CPU.
    isolate: false,
    // Real servers, real timeouts of the services: a slow machine must not fail what is right.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
