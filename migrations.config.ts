import { migrations } from './demo/migrations/index.ts';
import type { Config } from './local/config.ts';

/** The application of this repository. */
export const config: Config = {
  migrations,
  application: async () => (await import('./demo/demo.ts')).demo,
};
