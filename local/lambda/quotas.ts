// Lambda's quotas that the code keeps to, from "Lambda quotas" in Lambda's developer guide.

/** Request and response of a synchronous invocation, in bytes: 6 MB and 100 bytes, as Lambda's own error counts it. */
export const maxPayloadBytes = 6_291_556;

/** Loading the code may take this long, before the function's own timeout begins. */
export const maxInitSeconds = 10;
