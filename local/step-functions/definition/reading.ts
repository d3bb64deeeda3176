import type { Resource } from '../resources/resource.ts';
import type { Fields } from './fields.ts';
import type { Container } from './machine.ts';
import type { Problems } from './problems.ts';

/** What the states of one definition have in common while they are read. */
export interface Reading {
  readonly resources: readonly Resource[];
  readonly problems: Problems;
  /** `QueryLanguage` of the machine. */
  readonly language: string | undefined;
  /** All state names so far: they must differ across the whole machine. */
  readonly names: Set<string>;
  /** Variables that the states around this container assign. */
  readonly outer: ReadonlySet<string>;
  /** Reads the states inside a Map or a branch, which may be any states again. */
  readonly readContainer: (fields: Fields, path: string, reading: Reading) => Container;
}

/** Only JSONata is interpreted here; without a field of its own a state has the machine's language. */
export function checkLanguage(fields: Fields, path: string, problems: Problems, inherited?: string): void {
  const language = fields.string('QueryLanguage') ?? inherited;
  if (language !== undefined && language !== 'JSONata') {
    problems.schema(`QueryLanguage must be 'JSONata' here; got '${language}'`, path || '/');
  }
}
