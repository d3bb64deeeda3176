import { readAssembly } from '../../local/assembly/assembly.ts';
import { ofBareStack } from './bare-stack.ts';
import { type Definition, stateDiagram } from './state-diagram.ts';

const machine = 'run-migrations';

/** docs/how-it-works/machine.md: the machine that runs the migrations, from its synthesized definition. */
export async function machinePage(): Promise<string> {
  return `<!-- Written by \`npm run docs\` from the synthesized state machine; do not edit. -->

# The machine \`${machine}\`

States have the names that the console shows. An arrow out of a question says what the Lambda answered, and after a comma what the
answer must have, too. Green states end well, red ones fail the execution. Retries are not drawn, nor are errors that lead where
success leads, too.

${sections('A run', await definition()).join('\n\n')}
`;
}

/** A diagram under a heading, and after it one of what is inside each Map, and of each branch of a Parallel. */
export function sections(title: string, whole: Definition): readonly string[] {
  const inside = Object.entries(whole.States).flatMap(([name, { ItemProcessor, Branches = [] }]) =>
    [...(ItemProcessor ? [ItemProcessor] : []), ...Branches].flatMap((each) =>
      sections(`Inside "${name}"`, each),
    ),
  );
  return [`## ${title}`, `\`\`\`mermaid\n${stateDiagram(whole)}\n\`\`\``, ...inside];
}

function definition(): Promise<Definition> {
  return ofBareStack({}, ({ template }, folder) => {
    const found = readAssembly(template, { folder }).machines.find(({ name }) => name === machine);
    if (found === undefined) {
      throw new Error(`no machine of the stack is called ${machine}`);
    }
    return JSON.parse(found.definition) as Definition;
  });
}
