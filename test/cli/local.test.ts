import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { type Command, command } from './command.ts';

const hasAws = (() => {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const run = promisify(execFile);

interface Ports {
  readonly sfn: number;
  readonly rdsData: number;
}
interface Local {
  readonly local: Command;
  readonly ports: Ports;
  readonly said: string;
}
let database: TestDatabase;
let folder: string;
let session: string;
let running: Command[];

async function setUp(): Promise<void> {
  database = await freshDatabase({ name: 'local' });
  folder = mkdtempSync(join(tmpdir(), 'local-'));
  session = join(folder, 'session.json');
  writeFileSync(session, '{}'); // as a version before this one left it
  chmodSync(session, 0o644);
  running = [];
}
async function takeDown(): Promise<void> {
  for (const { process, exited } of running) {
    process.kill('SIGKILL');
    await exited;
  }
  await database.drop();
  rmSync(folder, { recursive: true });
}

function started(...args: string[]): Command {
  const made = command(['local', ...args], { env: { DATABASE_URL: database.url, LOCAL_SESSION: session } });
  running.push(made);
  return made;
}

/** Starts one that is ready. */
async function startLocal(...flags: string[]): Promise<Local> {
  const local = started(...flags, '--fresh');
  const [said] = await local.said(/[\s\S]*Ctrl-C ends all of it\.\n/);
  const port = (service: string) =>
    Number(
      new RegExp(`^export AWS_ENDPOINT_URL_${service}=http://127\\.0\\.0\\.1:(\\d+)$`, 'm').exec(said)?.[1],
    );
  return { local, ports: { sfn: port('SFN'), rdsData: port('RDS_DATA') }, said };
}

/** As npx starts it, in a folder below. */
const list = (env = { LOCAL_SESSION: session }) =>
  command(['list', '--json', '--local'], { script: '../cli/bin.js', cwd: 'test', env });

describe('npx migrations local', () => {
  let local: Command;
  let ports: Ports;
  let said: string;
  let migrated: DescribeExecutionOutput;

  beforeAll(async () => {
    await setUp();
    ({ local, ports, said } = await startLocal());
    migrated = await migrate();
  });
  afterAll(takeDown);

  const exported = (): Record<string, string> =>
    Object.fromEntries([...said.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  const machine = (name: string): string =>
    new RegExp(`^#   (arn:aws:states:\\S+:stateMachine:${name})$`, 'm').exec(said)?.[1] ?? '';

  /** Runs the migrations as an SDK does that is pointed there. */
  async function migrate(): Promise<DescribeExecutionOutput> {
    const { AWS_ENDPOINT_URL_SFN: endpoint = '', AWS_REGION: region = '' } = exported();
    const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = exported();
    const sfn = new SFNClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
    const stateMachineArn = machine('run-migrations');
    const input = '{"mode": "foreground"}'; // in the background it takes its time
    const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input }));
    for (;;) {
      const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (execution.status !== 'RUNNING') {
        return execution;
      }
      await sleep(50);
    }
  }

  test('prints what clients need, and where the machines are', () => {
    expect(exported()).toMatchObject({
      AWS_ENDPOINT_URL_SFN: `http://127.0.0.1:${ports.sfn}`,
      AWS_ENDPOINT_URL_RDS_DATA: `http://127.0.0.1:${ports.rdsData}`,
      AWS_REGION: expect.any(String),
      AWS_ACCESS_KEY_ID: expect.stringMatching(/^LOCAL\w{32}$/),
      AWS_SECRET_ACCESS_KEY: expect.stringMatching(/^\w{32}$/),
    });
    // Any free ones, which a page cannot know.
    expect(ports.sfn).toBeGreaterThan(0);
    expect([8080, 8083]).not.toContain(ports.sfn);
    expect([8080, 8083]).not.toContain(ports.rdsData);
    expect(machine('run-migrations')).not.toBe('');
    expect(machine('rebuild-employee-projections')).not.toBe('');
  });

  test('prints where a browser shows how the migrations stand', async () => {
    const [, page = ''] = /in a browser: (http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/)\n/.exec(said) ?? [];
    const answer = await fetch(page);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('users-full-name');
  });

  test('runs the migrations for an SDK that is pointed there', () => {
    expect(migrated.status).toBe('SUCCEEDED');
    expect(JSON.parse(migrated.output ?? '')['users-full-name'].total_updated).toBe(9_500);
  });

  test.skipIf(!hasAws)('prints three commands that the aws command line takes as they are', async () => {
    const commands = said.match(/^aws .*$/gm) ?? [];
    expect(commands).toHaveLength(3);
    const { PATH, HOME } = process.env;
    const answers = await Promise.all(
      commands.map(async (line) => {
        const { stdout } = await run('bash', ['-c', line], {
          env: { PATH, HOME, AWS_PAGER: '', AWS_DEFAULT_OUTPUT: 'json', ...exported() },
        });
        return JSON.parse(stdout);
      }),
    );
    const [started, listed, queried] = answers;
    expect(started.executionArn).toContain(':execution:run-migrations:');
    expect(listed.executions.length).toBeGreaterThan(0);
    expect(queried.records).toContainEqual([
      { stringValue: 'users-full-name' },
      { stringValue: 'finished' },
      { longValue: 10_000 },
      { longValue: 9_500 },
    ]);
  });

  test('lets in only who has its access key: the file that says it is its owner’s', async () => {
    const { AWS_ENDPOINT_URL_SFN: endpoint = '', AWS_ACCESS_KEY_ID: key } = exported();
    const headers = { 'content-type': 'text/plain', 'x-amz-target': 'AWSStepFunctions.ListStateMachines' };
    const answer = await fetch(endpoint, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(403);
    expect(statSync(session).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(session, 'utf8')).credentials.accessKeyId).toBe(key);
  });

  test('is what migrations --local talks to, from wherever in the project', async () => {
    const { code, stdout, stderr } = await list().exited;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ name: 'users-full-name', state: 'finished', total_updated: 9_500 }),
    );
  });

  test('that was killed leaves a session behind which nobody answers: migrations says to start it again', async () => {
    const stale = join(folder, 'stale.json');
    writeFileSync(stale, readFileSync(session, 'utf8').replaceAll(`:${ports.sfn}`, `:${await freePort()}`));
    const { code, stdout, stderr } = await list({ LOCAL_SESSION: stale }).exited;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^nothing answers at http:\S+ any more \(.*ECONNREFUSED.*\)\. Start it again .*: npx migrations local\n$/,
    );
  });

  test('refuses a second one on the same database, naming the process that is there', async () => {
    const { code, stderr } = await started().exited;
    expect(code).toBe(1);
    expect(stderr).toContain(`in use by another local runtime (process ${local.process.pid})`);
  });

  test('listens on loopback only', async () => {
    const { stdout } = await run('cat', ['/proc/net/tcp']);
    const listening = stdout.split('\n').flatMap((line) => {
      const [, , address = '', , state] = line.split(/\s+/);
      return state === '0A' ? [address] : [];
    });
    for (const port of [ports.sfn, ports.rdsData]) {
      const hex = port.toString(16).toUpperCase().padStart(4, '0');
      expect(listening.filter((address) => address.endsWith(`:${hex}`))).toEqual([`0100007F:${hex}`]);
    }
  });
});

describe('npm run local, in a database of its own,', () => {
  beforeEach(setUp);
  afterEach(takeDown);

  test('listens where it is told, and ends with Ctrl-C: exit 0, ports free, nobody left on the database', async () => {
    const wanted = { sfn: await freePort(), rdsData: await freePort() };
    const flags = ['--sfn-port', String(wanted.sfn), '--rds-data-port', String(wanted.rdsData)];
    const { local, ports } = await startLocal(...flags);
    expect(ports).toEqual(wanted);
    local.process.kill('SIGINT');
    expect((await local.exited).code).toBe(0);
    for (const port of Object.values(ports)) {
      await (await listen(port)).close();
    }
    const { code, stderr } = await list().exited;
    expect(code).toBe(1);
    expect(stderr).toContain(
      'nothing runs here that --local could talk to. Start it in another terminal: npx migrations local',
    );
    const left = await database.query(`
      SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    expect(left.filter(({ application_name: name }) => name !== '')).toEqual([]);
  });

  test('with a port taken says which it is and names the flag', async () => {
    const server = await listen(0);
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await started('--rds-data-port', String(port)).exited;
    server.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      `port ${port} is taken by another program; choose another one with --rds-data-port\n`,
    );
  });
});

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
