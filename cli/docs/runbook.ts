import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrorName } from '../../functions/contract.ts';
import { alarmNames } from '../../infra/operations/alarm-names.ts';
import { commandFlags } from '../operate.ts';

const page = 'docs/runbook.md';

/** What each section of the runbook says, in this order. */
const parts = ['What it means', 'How bad', 'Look at', 'Do', 'Over when'] as const;

/**
 * What is wrong with the runbook: an alarm or an error name without a section, a section that is neither, one that leaves something out,
 * a command that does not exist.
 */
export async function runbookProblems(root: string): Promise<readonly string[]> {
  const text = await readFile(join(root, page), 'utf8').catch(() => '');
  const sections = new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section.split(/^## /m)[0] ?? '']),
  );
  const wanted: readonly string[] = [...alarmNames, ...Object.values(ErrorName)];
  const problems = [
    ...wanted.filter((name) => !sections.has(name)).map((name) => `no section about ${name}`),
    ...[...sections.keys()]
      .filter((name) => !wanted.includes(name))
      .map((name) => `a section about ${name}, which is neither an alarm nor an error name`),
    ...[...sections].flatMap(([name, section]) =>
      parts
        .filter((part) => !section.includes(`\n- **${part}:** `))
        .map((part) => `"${part}" is missing in ${name}`),
    ),
    ...[...text.matchAll(/npx migrations ([a-z]+)([^`]*)/g)].flatMap(([, command = '', rest = '']) =>
      commandProblems(command, rest),
    ),
  ];
  return problems.map((problem) => `${page}: ${problem}`);
}

function commandProblems(command: string, rest: string): readonly string[] {
  const known = commandFlags.get(command);
  if (known === undefined) {
    return [`no such command: npx migrations ${command}`];
  }
  return [...rest.matchAll(/--[\w-]+/g)]
    .filter(([flag]) => !known.includes(flag))
    .map(([flag]) => `no such flag: npx migrations ${command} ${flag}`);
}
