import type { Synthesized } from '../../../infra/synthesize.ts';
import { propertiesOf } from '../synthesized.ts';

type Line = Readonly<Record<string, unknown>>;

/** A query of Logs Insights, as far as ours go: which lines it takes, and which of their fields it reads. */
export interface LogQuery {
  readonly fields: readonly string[];
  matches(line: Line): boolean;
  /** A field of a line, `hold.reason` one of an object in it. */
  valueIn(line: Line, field: string): unknown;
}

/** The queries that a stack saves, by their names. Throws for what it cannot read. */
export function logQueries(stack: Pick<Synthesized, 'template'>): ReadonlyMap<string, LogQuery> {
  const saved = propertiesOf<{ readonly Name: string; readonly QueryString: string }>(
    stack,
    'AWS::Logs::QueryDefinition',
  );
  return new Map(Object.values(saved).map(({ Name, QueryString }) => [Name, read(QueryString)]));
}

function read(query: string): LogQuery {
  const commands = query.split('\n| ').map((command) => /^(\w+) (.*)$/s.exec(command)?.slice(1) ?? [command]);
  const conditions = commands.flatMap(([name, rest = '']) => (name === 'filter' ? [conditionOf(rest)] : []));
  const fields = commands.flatMap(([name, rest = '']) => fieldsOf(name ?? '', rest));
  return {
    // What CloudWatch knows of each line, whatever is in it.
    fields: fields.filter((field) => !field.startsWith('@')),
    matches: (line) => conditions.every((holds) => holds(line)),
    valueIn,
  };
}

const valueIn = (line: Line, field: string): unknown =>
  field.split('.').reduce<unknown>((at, name) => (at as Line | undefined)?.[name], line);

/** `message = 'slice'`, `RowErrors > 0`, `ispresent(hold.reason)`. */
function conditionOf(text: string): (line: Line) => boolean {
  const [, present] = /^ispresent\(([\w.]+)\)$/.exec(text) ?? [];
  if (present !== undefined) {
    return (line) => valueIn(line, present) !== undefined;
  }
  const [, field = '', sign, value = ''] = /^([\w.]+) (=|>) ('[^']*'|\d+)$/.exec(text) ?? [];
  switch (sign) {
    case '=':
      return (line) => valueIn(line, field) === value.slice(1, -1);
    case '>':
      return (line) => Number(valueIn(line, field)) > Number(value);
    default:
      throw new Error(`a filter that this test cannot read: ${text}`);
  }
}

function fieldsOf(command: string, text: string): readonly string[] {
  switch (command) {
    case 'fields':
      return text.split(', ');
    case 'stats': {
      const [, sums = '', by = ''] = /^(.*) by (.*)$/.exec(text) ?? [];
      return [
        ...[...sums.matchAll(/\w+\(([@\w.]+)\) as \w+/g)].map(([, field]) => field ?? ''),
        ...by.split(', '),
      ];
    }
    case 'filter':
    case 'sort':
    case 'limit':
      return [];
    default:
      throw new Error(`a command that this test cannot read: ${command} ${text}`);
  }
}
