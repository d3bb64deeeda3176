import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { withoutShortcuts } from '../../cli/docs/arrows.ts';
import { type Definition, stateDiagram } from '../../cli/docs/state-diagram.ts';
import { docs } from '../../cli/docs.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));

describe('npm run docs -- --check', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'docs-test-'));
    const left = ['node_modules', '.local', '.git', 'cdk.out', 'coverage'];
    const filter = (path: string) => !left.some((name) => path.startsWith(join(project, name)));
    await cp(project, root, { recursive: true, filter });
    await symlink(join(project, 'node_modules'), join(root, 'node_modules'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** Its exit code and what it says, of a copy of the project in which some files are others. */
  async function checked(changes: Readonly<Record<string, (text: string) => string>>) {
    const before = new Map<string, string>();
    for (const [file, change] of Object.entries(changes)) {
      const text = await readFile(join(root, file), 'utf8');
      before.set(file, text);
      await writeFile(join(root, file), change(text));
    }
    const said: string[] = [];
    const err = { write: (text: string) => said.push(text) > 0 };
    const code = await docs({ err }, { check: true, root });
    for (const [file, text] of before) {
      await writeFile(join(root, file), text);
    }
    return { code, said };
  }

  it('names each document that is not what the code says, and exits with 1', async () => {
    const drifted = {
      'functions/engine/ledger/ledger.sql': (text: string) => `${text}-- more\n`,
      'README.md': (text: string) => text.replace("name: 'users-full-name'", "name: 'another'"),
      'docs/how-it-works/rooms.md': (text: string) =>
        text.replace('validate --> slice', 'slice --> validate'),
      'docs/how-it-works/machine.md': (text: string) => text.replace('Run batches', 'Run some batches'),
    };
    expect(await checked(drifted)).toEqual({
      code: 1,
      said: Object.keys(drifted).map((file) => `${file} is not up to date: run npm run docs\n`),
    });
  });

  it('names a link whose file, or whose heading, is not there', async () => {
    const links = '\n[one](docs/no-such.md) [two](README.md#no-such-heading) [good](README.md#run-it)\n';
    expect(await checked({ 'CHANGELOG.md': (text) => text + links })).toEqual({
      code: 1,
      said: [
        'a link that leads nowhere, in CHANGELOG.md: README.md#no-such-heading\n',
        'a link that leads nowhere, in CHANGELOG.md: docs/no-such.md\n',
      ],
    });
  });

  it('sees in the rooms an import that is new', async () => {
    const more = "\nexport type { Io } from '../cli/command/io.ts';\n";
    expect(await checked({ 'bench/tables.ts': (text) => text + more })).toEqual({
      code: 1,
      said: ['docs/how-it-works/rooms.md is not up to date: run npm run docs\n'],
    });
  });
});

test('An arrow between rooms is left out where a way over other rooms stands for it', () => {
  const arrow = (from: string, to: string) => ({ from, to, imports: [] });
  const all = [arrow('a', 'b'), arrow('b', 'c'), arrow('a', 'c'), arrow('a', 'd')];
  expect(withoutShortcuts(all)).toEqual([arrow('a', 'b'), arrow('b', 'c'), arrow('a', 'd')]);
});

test('A machine is drawn with what is answered and what is caught, and one that cannot be drawn is refused', () => {
  const definition: Definition = {
    StartAt: 'Do it',
    States: {
      'Do it': { Type: 'Task', Next: 'Done?', Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Failed' }] },
      'Done?': {
        Type: 'Choice',
        Choices: [{ Condition: "{% $states.input.state = 'more' %}", Next: 'Do it' }],
        Default: 'Completed',
      },
      Completed: { Type: 'Succeed' },
      Failed: { Type: 'Fail' },
    },
  };
  const drawn = stateDiagram(definition);
  for (const line of ['Do_it --> Failed: any error', 'Done_ --> Do_it: more', 'class Failed fails']) {
    expect(drawn).toContain(line);
  }
  const parallel: Definition = { StartAt: 'Both', States: { Both: { Type: 'Parallel' } } };
  expect(() => stateDiagram(parallel)).toThrow('"Both" is a Parallel');
});
