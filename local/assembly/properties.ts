import * as v from 'valibot';
import type { Resource } from './template.ts';

/**
 * A resource's properties in the shape that `schema` says. Whatever may be an intrinsic is `v.unknown()` there.
 *
 * @throws an error with the resource's logical id and the property that is wrong.
 */
export function propertiesOf<Schema extends v.GenericSchema>(
  id: string,
  { Properties = {} }: Resource,
  schema: Schema,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, Properties);
  if (result.success) {
    return result.output;
  }
  const [issue] = result.issues;
  throw new Error(`${id}: ${v.getDotPath(issue) ?? 'Properties'}: ${issue.message}`);
}
