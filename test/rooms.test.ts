import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('../', import.meta.url));
const rooms = ['functions', 'infra', 'local', 'demo', 'cli'];

interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm run rooms', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'rooms-'));
    for (const name of [...rooms, '.dependency-cruiser.mjs', 'rooms.json', 'package.json', 'cdk.json']) {
      await cp(join(project, name), join(root, name), { recursive: true });
    }
    await symlink(join(project, 'node_modules'), join(root, 'node_modules'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** Adds lines to files, made where they are missing, and asks what is wrong with the imports. */
  async function checked(lines: Readonly<Record<string, string>>): Promise<Exit> {
    for (const [file, line] of Object.entries(lines)) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await appendFile(join(root, file), `${line}\n`);
    }
    return new Promise((resolve) => {
      execFile('npx', ['depcruise', '.'], { cwd: root }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      });
    });
  }

  it('refuses each import that rooms.json does not name, those of types and of new rooms too', async () => {
    const { code, stdout } = await checked({
      'functions/migrate/open.ts': "export type { Application } from '../../infra/application.ts';",
      'infra/stages.ts': "import type { LocalApplication } from '../local/application.ts';",
      'local/application.ts': "export { operate } from '../cli/operate.ts';",
      'demo/demo.ts': "import { startRuntime } from '../local/runtime.ts';",
      'cli/list.ts': "const demo = await import('../demo/demo.ts');",
      'functions/engine/time/duration.ts': "import type { Sql } from '../database/sql.ts';",
      'functions/engine/batch/page.ts': "import type { Progress } from '../slice/slice.ts';",
      'functions/engine/errors.ts': "import { sql } from './database/sql.ts';",
      'functions/engine/attic/old.ts': "import { sql } from '../database/sql.ts';",
      'ops/alarms.ts': "import { messageOf } from '../functions/engine/errors.ts';",
    });
    const refused = [...stdout.matchAll(/error (.*): (\S+) → (\S+)/g)].map(
      ([, rule, from, to]) => `${rule}: ${from} → ${to}`,
    );
    expect(refused.sort()).toEqual(
      [
        'functions: functions/migrate/open.ts → infra/application.ts',
        'infra: infra/stages.ts → local/application.ts',
        'local: local/application.ts → cli/operate.ts',
        'demo: demo/demo.ts → local/runtime.ts',
        'cli: cli/list.ts → demo/demo.ts',
        'functions/engine/time: functions/engine/time/duration.ts → functions/engine/database/sql.ts',
        'functions/engine/batch: functions/engine/batch/page.ts → functions/engine/slice/slice.ts',
        'functions/engine/errors.ts: functions/engine/errors.ts → functions/engine/database/sql.ts',
        'not in rooms.json: functions/engine/attic/old.ts → functions/engine/database/sql.ts',
        'not in rooms.json: ops/alarms.ts → functions/engine/errors.ts',
      ].sort(),
    );
    expect(code).toBe(refused.length);
  });

  it('refuses a table by which two rooms could import each other', async () => {
    const circle = { '': { rooms: { a: { may: ['b'] }, b: { may: ['a'] } } } };
    await writeFile(join(root, 'rooms.json'), JSON.stringify(circle));
    const { code, stderr } = await checked({});
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('rooms.json: a may name rooms that stand before it, but not b.'),
    });
  });
});
