import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { functionTimeoutSeconds } from '../../infra/deployment.ts';
import { startFunction } from '../../local/lambda/function.ts';
import type { Breakage } from '../breakage.ts';

export const codeDoesNotLoad: Breakage = {
  what: 'the code of the Lambda does not load, so nobody records the failure',
  alarms: ['run-failed'],
  notices: ['has failed'],
  page: /^Nothing is under way/,
  async happen({ executions, migrate, replaceMigrate }) {
    const code = await mkdtemp(join(tmpdir(), 'drill-code-'));
    await writeFile(join(code, 'index.js'), "exports.handler = require('./no-such-file');\n");
    const broken = startFunction({
      ...migrate,
      code,
      handler: 'index.handler',
      runtime: 'nodejs22.x',
      timeoutSeconds: functionTimeoutSeconds,
      memorySize: 256,
      environment: {},
    });
    replaceMigrate(broken);
    try {
      await executions.run({});
    } finally {
      replaceMigrate(migrate);
      await broken.stop();
      await rm(code, { recursive: true, force: true });
    }
  },
};
