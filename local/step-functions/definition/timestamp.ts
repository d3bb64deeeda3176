/** RFC 3339 as AWS takes it: a capital T, and Z or an offset. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since 1970, or `undefined` for what is no timestamp. */
export function parseTimestamp(text: string): number | undefined {
  const time = timestamp.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
