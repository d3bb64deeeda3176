import { fileURLToPath } from 'node:url';
import { demoApplication } from '../../demo/infra/application.ts';
import type { Application } from '../../infra/application.ts';
import { migrations } from './migrations.ts';

/** The demo with the drill's migrations: its follow-up job is deployed as it is. */
export const application: Application = {
  ...demoApplication({ migrate: fileURLToPath(new URL('handler.ts', import.meta.url)) }),
  migrations,
};
