import { object, picklist, string } from 'valibot';
import { expect, it } from 'vitest';
import { readEnvironment } from '../../../functions/engine/database/environment.ts';

it('What is wrong with an environment is said without the rest of it', () => {
  const env = { CLUSTER_ARN: 'arn', FOLLOW_UPS: '{', AWS_SECRET_ACCESS_KEY: 'precious' };
  const schema = object({
    CLUSTER_ARN: string(),
    SECRET_ARN: string(),
    DATABASE_NAME: string(),
    FOLLOW_UPS: picklist(['{}']),
  });
  let error: unknown;
  try {
    readEnvironment(schema, env);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toEqual(
    new Error(
      'the environment of the function is wrong: FOLLOW_UPS: expected "{}", got "{"; it lacks SECRET_ARN, DATABASE_NAME. ' +
        'In Lambda the stack sets it; elsewhere, import what the handler is made from, not the handler',
    ),
  );
  // Lambda logs an error with all that hangs on it.
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('precious');
  expect(Object.keys(error as Error)).toEqual([]);
});
