/** What test clients sign with, and what the endpoints that tests start let in. */
export const credentials = { accessKeyId: 'TEST', secretAccessKey: 'test' };

/** The header by which a request that no SDK makes is let in. */
export const signature = { authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/` };
