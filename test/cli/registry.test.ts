import { describe, expect, test } from 'vitest';
import { withMigration } from '../../cli/new/registry.ts';
import { constantName } from '../../cli/new/typescript.ts';

describe('a registry gets a migration at its end, in the form that the others have', () => {
  const added = (registry: string) => withMigration(registry, 'added', 'a-d-d')?.text;

  test.each([
    [
      'in one line',
      "import { a } from './a.js';\n\nexport const migrations: readonly Migration[] = [a];\n",
      "import { a } from './a.js';\nimport { added } from './a-d-d.js';\n\nexport const migrations: readonly Migration[] = [a, added];\n",
    ],
    [
      'empty, without semicolons, in double quotes',
      'import type { Migration } from "serverless-data-migrations"\nexport const migrations: Migration[] = []\n',
      'import type { Migration } from "serverless-data-migrations"\nimport { added } from "./a-d-d.js"\nexport const migrations: Migration[] = [added]\n',
    ],
    [
      'with comments, whatever is in them, and no comma at the end',
      "import { a } from './a.ts';\nimport {\n  b,\n} from './b.ts';\nexport const migrations = [\n\ta, // [1], c\n\tb // the last ]\n\t// more to come, [\n] as const;\n",
      "import { a } from './a.ts';\nimport {\n  b,\n} from './b.ts';\nimport { added } from './a-d-d.ts';\nexport const migrations = [\n\ta, // [1], c\n\tb, // the last ]\n\t// more to come, [\n\tadded\n] as const;\n",
    ],
    [
      'with line ends of Windows, and without extensions',
      "import { a } from './a';\r\nexport const migrations = [\r\n  ...legacy,\r\n  a,\r\n];\r\n",
      "import { a } from './a';\r\nimport { added } from './a-d-d';\r\nexport const migrations = [\r\n  ...legacy,\r\n  a,\r\n  added,\r\n];\r\n",
    ],
  ])('%s', (_, before, after) => {
    expect(added(before)).toBe(after);
  });

  test.each([
    ['a call', "import { a } from './a.js';\nexport const migrations = [a()];\n"],
    ['a condition', "import { a } from './a.js';\nexport const migrations = [isLate ? a : b];\n"],
    ['another name', "import { a } from './a.js';\nexport const all = [a];\n"],
    ['no import', 'export const migrations = [];\n'],
    ['an array that never ends', `import { a } from './a.js';\nexport const migrations = [${'a'.repeat(40)}`],
  ])('but not one with %s, which is not understood', (_, registry) => {
    expect(added(registry)).toBeUndefined();
  });

  test('and a constant whose name means nothing else', () => {
    expect(['users-full-name', 'v2-users', 'new', 'sql', 'a--b-'].map(constantName)).toEqual([
      'usersFullName',
      'v2Users',
      'newMigration',
      'sqlMigration',
      'aB',
    ]);
  });
});
