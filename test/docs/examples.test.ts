import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import * as conditionGroups from '../../demo/application/condition-groups.ts';

/** Files with lines `EXPRESSION; // VALUE`, and the names that are imported there. */
const examples: Readonly<Record<string, object>> = { 'two-forms.ts': conditionGroups };

for (const [file, imported] of Object.entries(examples)) {
  const text = readFileSync(new URL(`examples/${file}`, import.meta.url), 'utf8');
  const lines = [...text.matchAll(/^(.+); \/\/ (.+)$/gm)].map(([, expression, value]) => [expression, value]);
  test.each(lines as [string, string][])(`${file}: %s`, (expression, value) => {
    const said = saidBy(expression, imported);
    // What follows the value says why.
    expect(value === said || value.startsWith(`${said}: `), `it is ${said}, and not ${value}`).toBe(true);
  });
}

function saidBy(expression: string, imported: object): string {
  try {
    const value = new Function(...Object.keys(imported), `return ${expression}`)(...Object.values(imported));
    const shown = inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY, compact: 10 });
    return shown.replaceAll('[ ', '[').replaceAll(' ]', ']');
  } catch (error) {
    return `throws: ${(error as Error).message}`;
  }
}
