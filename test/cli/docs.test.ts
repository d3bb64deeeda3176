import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { withoutShortcuts } from '../../cli/docs/arrows.ts';
import { costAtRest } from '../../cli/docs/cost-at-rest.ts';
import { assumed, costOfRows } from '../../cli/docs/cost-of-rows.ts';
import { fieldsOf } from '../../cli/docs/declared.ts';
import { sections } from '../../cli/docs/machine-page.ts';
import { type Definition, type State, stateDiagram } from '../../cli/docs/state-diagram.ts';
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
      'docs/how-it-works/rooms.md': (text: string) =>
        text.replace('validate --> slice', 'slice --> validate'),
      'docs/how-it-works/machine.md': (text: string) => text.replace('Run batches', 'Run some batches'),
      'docs/cost.md': (text: string) => text.replace('0.025', '0.026'),
      'docs/versioning.md': (text: string) => text.replace('`InvalidInput`', '`WrongInput`'),
      // A block of a page: a whole file, and a part of one.
      'README.md': (text: string) => text.replace("name: 'users-full-name'", "name: 'another'"),
      'docs/pipelines/README.md': (text: string) => text.replace('grantStart(pipeline)', 'grantStart(role)'),
    };
    expect(await checked(drifted)).toEqual({
      code: 1,
      said: Object.keys(drifted).map((file) => `${file} is not up to date: run npm run docs\n`),
    });
  });

  it('does not let a page speak of the fields of a type that is no longer there', async () => {
    await expect(fieldsOf(project, 'functions/contract.ts', 'Halted')).rejects.toThrow(
      'functions/contract.ts declares no interface Halted with fields',
    );
  });

  it('names what the runbook lacks, and what in it does not exist', async () => {
    const changes = {
      'docs/runbook.md': (text: string) =>
        text
          .replace('### stalled\n', '### stuck\n')
          .replace('### Superseded\n', '')
          .replace('- **Over when:** your start', '- **Then:** your start')
          .replace('npx migrations retry NAME', 'npx migrations again NAME')
          .replace('--lanes 1', '--lane 1'),
    };
    expect(await checked(changes)).toEqual({
      code: 1,
      said: [
        'no section about stalled',
        'no section about Superseded',
        'a section about stuck, which is neither an alarm nor an error name',
        '"Over when" is missing in MigrationsAlreadyRunning',
        'no such command: npx migrations again',
        'no such flag: npx migrations tune --lane',
      ].map((problem) => `docs/runbook.md: ${problem}\n`),
    });
  });

  it('names a link whose file, or whose heading, is not there', async () => {
    const links = `
[one](docs/no-such.md) [two](README.md#no-such-heading) [three](#twice-2), [four]
[good](README.md#try-it) [good](#twice) [good](#twice-1) [good](#of-row_errors) [good](https://example.com/#no-such)

[four]: docs/nor-this.md

## Twice

## Twice

## Of \`row_errors\`

<!-- not run: an example -->
\`\`\`md
[no link](docs/example.md)
\`\`\`
`;
    expect(await checked({ 'CHANGELOG.md': (text) => text + links })).toEqual({
      code: 1,
      said: [
        'a link that leads nowhere, in CHANGELOG.md: #twice-2\n',
        'a link that leads nowhere, in CHANGELOG.md: README.md#no-such-heading\n',
        'a link that leads nowhere, in CHANGELOG.md: docs/no-such.md\n',
        'a link that leads nowhere, in CHANGELOG.md: docs/nor-this.md\n',
      ],
    });
  });

  it('names a block of code of which nobody says how it is known to be right, and one of which that is not true', async () => {
    const block = (mark: string) => `\n${mark}\n\`\`\`ts\nsketch();\n\`\`\`\n`;
    const blocks = [
      '',
      '<!-- not run -->',
      '<!-- not run: a sketch -->',
      '<!-- run -->',
      '<!-- run: npm start -->',
      '<!-- run by: test/no-such.test.ts -->',
      '<!-- run by: test/cli/docs.test.ts -->',
    ].map(block);
    const unproven =
      'nobody runs this block of code, or says why not: CONTRIBUTING.md#add-a-block-of-code-to-a-page';
    const { code, said } = await checked({ 'SECURITY.md': () => blocks.join('') });
    expect(code).toBe(1);
    expect(said.filter((each) => !each.startsWith('a link'))).toEqual([
      `SECURITY.md:3: ${unproven}\n`,
      `SECURITY.md:8: ${unproven}\n`,
      'SECURITY.md:18: a block of ts cannot be run: it is sh, or console with its output\n',
      'SECURITY.md:28: there is no test test/no-such.test.ts\n',
    ]);
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

test('A machine is drawn with what is answered and what is caught', () => {
  const definition: Definition = {
    StartAt: 'Do it',
    States: {
      'Do it': { Type: 'Task', Next: 'Done?', Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Failed' }] },
      'Done?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: "{% $states.input.state = 'more' and $states.input.rest_seconds > 0 %}",
            Next: 'Rest',
          },
          { Condition: "{% $states.input.state = 'more' %}", Next: 'Do it' },
        ],
        Default: 'Completed',
      },
      Rest: { Type: 'Wait', Next: 'Do it', Catch: [{ ErrorEquals: ['Late'], Next: 'Do it' }] },
      Completed: { Type: 'Succeed' },
      Failed: { Type: 'Fail' },
    },
  };
  expect(stateDiagram(definition).split('\n')).toEqual([
    'stateDiagram-v2',
    '  state "Do it" as Do_it',
    '  state "Done?" as Done_',
    '  state "Rest" as Rest',
    '  state "Completed" as Completed',
    '  state "Failed" as Failed',
    '  [*] --> Do_it',
    '  Do_it --> Done_',
    '  Do_it --> Failed: any error',
    '  Done_ --> Rest: more, rest_seconds',
    '  Done_ --> Do_it: more',
    '  Done_ --> Completed: otherwise',
    '  Rest --> Do_it',
    '  classDef succeeds fill:#d7f0dd,stroke:#2f7d43,color:#123a1c',
    '  classDef fails fill:#f8d9d6,stroke:#a8322a,color:#4d120d',
    '  class Completed succeeds',
    '  class Failed fails',
  ]);
});

test('What is inside a Map, and each branch of a Parallel, has a diagram of its own', () => {
  const one = (name: string, state: State = { Type: 'Pass' }): Definition => ({
    StartAt: name,
    States: { [name]: state },
  });
  const whole = one('Each', {
    Type: 'Map',
    ItemProcessor: one('Both', { Type: 'Parallel', Branches: [one('Left'), one('Right')] }),
  });
  const drawn = sections('All', whole).join('\n');
  expect(drawn.match(/^## .*|\[\*\] --> .*/gm)).toEqual([
    '## All',
    '[*] --> Each',
    '## Inside "Each"',
    '[*] --> Both',
    '## Inside "Both"',
    '[*] --> Left',
    '## Inside "Both"',
    '[*] --> Right',
  ]);
});

describe('what it costs', () => {
  test('is said of every type of resource, or the page cannot be made', () => {
    expect(costAtRest([{ Type: 'AWS::Lambda::Function' }])).toEqual([]);
    const alarm = { Type: 'AWS::CloudWatch::Alarm' };
    expect(costAtRest([alarm, alarm])).toEqual([{ what: 'Alarms', dollars: 0.2 }]);
    expect(() => costAtRest([{ Type: 'AWS::EC2::NatGateway' }])).toThrow(
      'What does AWS::EC2::NatGateway cost while nothing runs?',
    );
  });

  test('for a million rows, a rewrite costs more of the Data API than a backfill, by the bytes that travel', () => {
    const [backfill, rewrite] = [costOfRows('backfill'), costOfRows('rewrite')];
    expect(rewrite.usage.data_api_requests).toBeGreaterThan((1e6 * 2 * assumed.rowBytes) / 32_768);
    expect(backfill.usage.data_api_requests).toBeLessThan(1e6 / 1_000);
    expect(backfill.seconds).toBeCloseTo(1e6 / assumed.rowsPerSecond.backfill, 0);
  });
});
