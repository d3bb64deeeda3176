import { defineConfig } from 'vitest/config';
import { CountsReporter } from './test/support/counts-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new CountsReporter()],
    // The SDK would remind every test file of the Node version that it wants from 2027 on.
    env: {
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      // Handlers that run in the tests' own process; a test of what they say runs them in the local Lambda.
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    },
    maxWorkers: 2, // two cores are what CI has, and PostgreSQL needs its share of them
    // Real servers, real timeouts of the services: a slow machine must not fail what is right.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
