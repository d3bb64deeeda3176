import { type Action, inSession } from '../context.ts';
import { fromDatabase } from '../errors.ts';
import { rewriteParameters } from '../parameters.ts';
import { plain } from '../sessions.ts';
import { bind } from '../values.ts';

/** Runs one statement with each of many parameter sets: all of them, or none. */
export const batchExecute: Action<'BatchExecute'> = async (request, context) => {
  const rewritten = rewriteParameters(request.sql);
  const batch = (request.parameterSets ?? []).map((parameters) => bind(rewritten, parameters));
  const { deadline } = context;
  const own = request.transactionId == null;
  return inSession(request, context, async (session) => {
    try {
      if (own) {
        await session.run(plain('BEGIN'), { deadline });
      }
      for (const bound of batch) {
        await session.run(bound, { deadline });
      }
      if (own) {
        await session.run(plain('COMMIT'), { deadline });
      }
    } catch (error) {
      throw fromDatabase(error, rewritten.locate);
    }
    return JSON.stringify({ updateResults: batch.map(() => ({ generatedFields: [] })) });
  });
};
