import { condition, rewrite, sql } from 'serverless-data-migrations';
import { jsonOfYaml } from '../lib/ruby-yaml.js';

interface Query {
  filters: string | null;
  column_names: string | null;
  sort_criteria: string | null;
  options: string | null;
}

const texts = ['filters', 'column_names', 'sort_criteria', 'options'] as const;

/**
 * Rewrites what saved queries keep from YAML to JSON, in the same columns. JSON is YAML, too, so that the releases before this one read both. A
 * query with Ruby objects in it, which YAML may create and JSON may not, is a row error.
 */
export const queriesAsJson = rewrite<Query>({
  name: 'queries-as-json',
  table: 'queries',
  key: 'id',
  columns: texts,
  where: sql`'---' IN (left(filters, 3), left(column_names, 3), left(sort_criteria, 3), left(options, 3))`,
  transform: (query) =>
    Object.fromEntries(
      texts.map((text) => {
        const value = query[text];
        return [text, value?.startsWith('---') ? jsonOfYaml(value) : value];
      }),
    ),
  validate: [condition('json', sql`(filters IS JSON) IS NOT FALSE AND (column_names IS JSON) IS NOT FALSE`)],
  // The queries that are row errors are known by then: the count is to be seen, and nothing else.
  onInvalid: 'report',
});
