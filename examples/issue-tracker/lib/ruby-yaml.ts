import { parseDocument, type YAMLMap } from 'yaml';

/** Hashes whose keys are texts or symbols alike: as JSON, an object like any other. */
const indifferentHash = {
  tag: '!ruby/hash:ActiveSupport::HashWithIndifferentAccess',
  collection: 'map',
  resolve: (map: unknown) => map as YAMLMap,
} as const;

/**
 * What Ruby has written as YAML, as JSON. Symbols become texts: `:operator` is `operator`.
 *
 * @throws SyntaxError for what is no YAML, and for a Ruby object.
 */
export function jsonOfYaml(yaml: string): string {
  const document = parseDocument(yaml, { customTags: [indifferentHash], prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    throw new SyntaxError(problem.message);
  }
  return JSON.stringify(withoutSymbols(document.toJS()));
}

function withoutSymbols(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(/^:/, '');
  }
  if (Array.isArray(value)) {
    return value.map(withoutSymbols);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key.replace(/^:/, ''), withoutSymbols(each)]),
    );
  }
  return value;
}
