/** RFC 3339 as AWS takes it: a capital T, and Z or an offset. */
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A timestamp such as `2026-11-21T22:00:00Z` in milliseconds since 1970; undefined for any other text. */
export function parseTimestamp(text: string): number | undefined {
  const time = rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
