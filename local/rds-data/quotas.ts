// Limits of the RDS Data API, from its limitations in Aurora's user guide and from the service's model.

/** Longest text of one statement, in characters. */
export const maxSqlLength = 65_536;

/** Largest request, in bytes: 4 MiB. */
export const maxRequestBytes = 4 * 2 ** 20;

/**
 * Largest result, in bytes: 1 MiB, counted as rows × (2 + 4 × columns) + the bytes of the values. That is the size of
 * PostgreSQL's own messages without their length word, as measured against the service.
 */
export const maxResultBytes = 2 ** 20;

/** Largest row, in bytes of its values: 64 KiB. */
export const maxRowBytes = 2 ** 16;

/** Largest result with `formatRecordsAs: JSON`, in bytes of its text: 10 MiB. */
export const maxFormattedBytes = 10 * 2 ** 20;

/** A call ends after this time, in seconds. */
export const statementTimeoutSeconds = 45;

/** A transaction that nobody calls for this time is rolled back, in seconds: 3 minutes. */
export const transactionIdleSeconds = 180;

/** A transaction is rolled back after this time, however busy it is, in milliseconds: 24 hours. */
export const maxTransactionMs = 24 * 3_600_000;

/** Longest id of a transaction, in characters. */
export const maxTransactionIdLength = 192;

/** Longest name of a database, in characters. */
export const maxDatabaseNameLength = 64;

/** Shortest and longest ARN, in characters. */
export const [minArnLength, maxArnLength] = [11, 100];
