import { errorCode } from '../error-code.ts';

/** Adds the flag for another port to the error that a taken one gives. */
export async function namingFlag<T>(
  flag: string,
  port: number | undefined,
  starting: Promise<T>,
): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') {
      throw error;
    }
    throw new Error(`port ${port} is taken by another program; choose another one with ${flag}`, {
      cause: error,
    });
  }
}
