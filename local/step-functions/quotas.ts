// Limits of Step Functions for Standard machines, from "Step Functions service quotas" in its developer guide, from
// the Amazon States Language, and from the service's API model.

/** Any input, output, result or variable, and all that one `Assign` gives, in bytes of UTF-8: 256 KiB. */
export const maxDataBytes = 262_144;

/** All variables of one scope together, in bytes of UTF-8: 10 MiB. */
export const maxVariablesBytes = 10 * 2 ** 20;

/** A machine's definition, in bytes of UTF-8: 1 MB. */
export const maxDefinitionBytes = 1_048_576;

/** The events of one execution. Event 25,000 is always the one that ends it. */
export const maxHistoryEvents = 25_000;

/** Names of states and of executions, in characters. */
export const maxNameLength = 80;

/** ARNs in requests, in characters. */
export const maxArnLength = 256;

/** The error's name of a failure, in characters. */
export const maxErrorLength = 256;

/** The cause of a failure, in characters. */
export const maxCauseLength = 32_768;

/** Iterations of an inline Map that run at the same time. */
export const maxConcurrentIterations = 40;

/** The largest number that fields such as `TimeoutSeconds`, `Seconds` and `MaxAttempts` take. */
export const maxInteger = 99_999_999;

/** The largest `MaxDelaySeconds`: it must be less than the seconds of 366 days. */
export const maxRetryDelaySeconds = 366 * 24 * 3600 - 1;
