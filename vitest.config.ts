import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default'],
    maxWorkers: 2, // two cores are what CI has, and PostgreSQL needs its share of them
    // Real servers, real timeouts of the services: a slow machine must not fail what is right.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
