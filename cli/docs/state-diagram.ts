/** A definition in the Amazon States Language, as far as it is drawn. */
export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly Default?: string;
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  /** What a Map does with each item. */
  readonly ItemProcessor?: Definition;
}

/**
 * A Mermaid state diagram of a machine. States have the names that the console shows; a Choice's arrows say what is answered.
 * An error that leads where success leads, too, is left out. Throws for a machine with a Parallel, which is not drawn.
 */
export function stateDiagram(definition: Definition): string {
  return ['stateDiagram-v2', ...drawn(definition, '  '), ...classes(definition)].join('\n');
}

function drawn({ StartAt, States }: Definition, indent: string): string[] {
  const states = Object.entries(States);
  return [
    ...states.flatMap(([name, state]) => declared(name, state, indent)),
    `${indent}[*] --> ${id(StartAt)}`,
    ...states.flatMap(([name, state]) =>
      waysFrom(state).map(({ to, label }) => `${indent}${id(name)} --> ${id(to)}${label && `: ${label}`}`),
    ),
  ];
}

function declared(name: string, { Type, ItemProcessor }: State, indent: string): string[] {
  if (Type === 'Parallel') {
    throw new Error(`the state "${name}" is a Parallel, which state-diagram.ts does not draw`);
  }
  const line = `${indent}state "${name}" as ${id(name)}`;
  return ItemProcessor === undefined
    ? [line]
    : [`${line} {`, ...drawn(ItemProcessor, `${indent}  `), `${indent}}`];
}

interface Way {
  readonly to: string;
  /** '' for what simply comes next. */
  readonly label: string;
}

function waysFrom({ Next, Choices = [], Default, Catch = [] }: State): readonly Way[] {
  const errors = new Map<string, readonly string[]>();
  for (const { ErrorEquals, Next: to } of Catch) {
    errors.set(to, [...(errors.get(to) ?? []), ...ErrorEquals]);
  }
  errors.delete(Next ?? '');
  return [
    ...Choices.map((choice) => ({ to: choice.Next, label: spoken(choice.Condition) })),
    ...(Default === undefined ? [] : [{ to: Default, label: 'otherwise' }]),
    ...(Next === undefined ? [] : [{ to: Next, label: '' }]),
    ...[...errors].map(([to, names]) => ({
      to,
      label: names.includes('States.ALL')
        ? errors.size > 1
          ? 'any other error'
          : 'any error'
        : names.join(', '),
    })),
  ];
}

/** A condition as one would say it: `{% $states.input.state = 'more' and $states.input.rest_seconds > 0 %}` is "more, rest_seconds > 0". */
function spoken(condition: string): string {
  return condition
    .replace(/^\{%\s*(.*?)\s*%\}$/s, '$1')
    .replaceAll('$states.input.', '')
    .replace(/^state = '(\w+)'/, '$1')
    .replaceAll(' and ', ', ')
    .replaceAll('$count(', 'count(');
}

/** How the ends look: a machine that gets to one of them has succeeded or failed. */
function classes(definition: Definition): string[] {
  const ofType = (type: string) =>
    all(definition).flatMap(([name, state]) => (state.Type === type ? [id(name)] : []));
  return [
    '  classDef succeeds fill:#d7f0dd,stroke:#2f7d43,color:#123a1c',
    '  classDef fails fill:#f8d9d6,stroke:#a8322a,color:#4d120d',
    ...ofType('Succeed').map((name) => `  class ${name} succeeds`),
    ...ofType('Fail').map((name) => `  class ${name} fails`),
  ];
}

function all({ States }: Definition): readonly (readonly [string, State])[] {
  return Object.entries(States).flatMap(([name, state]) => [
    [name, state] as const,
    ...(state.ItemProcessor === undefined ? [] : all(state.ItemProcessor)),
  ]);
}

/** The name of a state for Mermaid, which takes letters, digits and `_`. */
const id = (name: string): string => name.replaceAll(/\W+/g, '_');
