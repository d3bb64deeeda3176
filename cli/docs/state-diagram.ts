/** A definition in the Amazon States Language, as far as it is drawn. */
export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** One state of it. */
export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly Default?: string;
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  /** What a Map does with each item. */
  readonly ItemProcessor?: Definition;
  /** What a Parallel does at once. */
  readonly Branches?: readonly Definition[];
}

/**
 * A Mermaid state diagram of a machine, or of what one of its Maps does with each item. States have the names that the console
 * shows; arrows out of a Choice say what was answered. An error that leads where success leads, too, is left out.
 */
export function stateDiagram({ StartAt, States }: Definition): string {
  const states = Object.entries(States);
  const ofType = (type: string) =>
    states.filter(([, state]) => state.Type === type).map(([name]) => id(name));
  return [
    'stateDiagram-v2',
    ...states.map(([name]) => `  state "${name}" as ${id(name)}`),
    `  [*] --> ${id(StartAt)}`,
    ...states.flatMap(([name, state]) =>
      waysFrom(state).map(({ to, label }) => `  ${id(name)} --> ${id(to)}${label && `: ${label}`}`),
    ),
    '  classDef succeeds fill:#d7f0dd,stroke:#2f7d43,color:#123a1c',
    '  classDef fails fill:#f8d9d6,stroke:#a8322a,color:#4d120d',
    ...ofType('Succeed').map((name) => `  class ${name} succeeds`),
    ...ofType('Fail').map((name) => `  class ${name} fails`),
  ].join('\n');
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

/**
 * A condition in short: "more, rest_seconds" for `{% $states.input.state = 'more' and $states.input.rest_seconds > 0 %}`. What is
 * there if it is more than 0 is said by its name alone.
 */
function spoken(condition: string): string {
  return condition
    .replace(/^\{%\s*(.*?)\s*%\}$/s, '$1')
    .replaceAll('$states.input.', '')
    .replaceAll(/\bstate = '(\w+)'/g, '$1')
    .replaceAll(/\$count\((\w+)\)/g, '$1')
    .replaceAll(/(\w+) > 0/g, '$1')
    .replaceAll(' and ', ', ');
}

/** The name of a state for Mermaid, which takes letters, digits and `_`. */
const id = (name: string): string => name.replaceAll(/\W+/g, '_');
