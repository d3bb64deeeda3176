import { object, string } from 'valibot';
import { expect, it } from 'vitest';
import { readEnvironment } from '../../../functions/engine/database/environment.ts';

it('What is wrong with an environment is said without the rest of it', () => {
  const env = { CLUSTER_ARN: 'arn', AWS_SECRET_ACCESS_KEY: 'precious' };
  const schema = object({ CLUSTER_ARN: string(), SECRET_ARN: string() });
  let error: unknown;
  try {
    readEnvironment(schema, env);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toEqual(
    new Error('the environment of the function is wrong: SECRET_ARN: expected "SECRET_ARN", got undefined'),
  );
  // Lambda logs an error with all that hangs on it.
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('precious');
  expect(Object.keys(error as Error)).toEqual([]);
});
