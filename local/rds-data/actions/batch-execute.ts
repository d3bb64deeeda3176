import * as v from 'valibot';
import { fromDatabase } from '../errors.ts';
import { bind, unbound } from '../parameters/bind.ts';
import { rewriteParameters } from '../parameters/named-parameters.ts';
import { sqlParameter } from '../parameters/sql-parameter.ts';
import { action, inSession } from './action.ts';
import { optional, statement } from './request.ts';

const request = v.object({ ...statement, parameterSets: optional(v.array(v.array(sqlParameter))) });

/** Runs one statement once for each parameter set: all of them, or none. */
export const batchExecute = action(request, async (request, context) => {
  const rewritten = rewriteParameters(request.sql);
  const statements = (request.parameterSets ?? []).map((parameters) => bind(rewritten, parameters));
  const { deadline } = context;
  const needsTransaction = request.transactionId == null;
  return inSession(request, context, async (session) => {
    try {
      if (needsTransaction) {
        await session.run(unbound('BEGIN'), { deadline });
      }
      for (const each of statements) {
        await session.run(each, { deadline });
      }
      if (needsTransaction) {
        await session.run(unbound('COMMIT'), { deadline });
      }
    } catch (error) {
      throw fromDatabase(error, rewritten.locate);
    }
    // PostgreSQL has no generated fields, and the service gives no counts.
    return JSON.stringify({ updateResults: statements.map(() => ({ generatedFields: [] })) });
  });
});
