import * as v from 'valibot';

export const typeHints = ['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL'] as const;
const typeHint = v.picklist(typeHints);

/** Large longs come as strings, which keep their digits. */
const number = v.union([v.number(), v.string()]);

/** A parameter of a call. Its value has exactly one member, which `bind` checks. */
export const sqlParameter = v.object({
  name: v.string(),
  typeHint: v.nullish(typeHint),
  value: v.nullish(
    v.object({
      arrayValue: v.nullish(v.unknown()),
      blobValue: v.nullish(v.string()),
      booleanValue: v.nullish(v.boolean()),
      doubleValue: v.nullish(number),
      isNull: v.nullish(v.boolean()),
      longValue: v.nullish(number),
      stringValue: v.nullish(v.string()),
    }),
  ),
});

export type SqlParameter = v.InferOutput<typeof sqlParameter>;
export type TypeHint = v.InferOutput<typeof typeHint>;
