import { type Action, inSession } from '../context.ts';
import { fromDatabase } from '../errors.ts';
import { formattedLimit, formattedRecords } from '../formatted.ts';
import { columnMetadata } from '../metadata.ts';
import { rewriteParameters } from '../parameters.ts';
import { recordsJson } from '../records.ts';
import type { Request } from '../request.ts';
import type { Session } from '../sessions.ts';
import { type Answer, recordsLimit } from '../statement.ts';
import { typesOf } from '../types.ts';
import { bind } from '../values.ts';

/** Runs one statement. */
export const execute: Action<'Execute'> = async (request, context) => {
  const rewritten = rewriteParameters(request.sql);
  const bound = bind(rewritten, request.parameters ?? []);
  return inSession(request, context, async (session) => {
    try {
      const answer = await session.run(bound, {
        deadline: context.deadline,
        continueAfterTimeout: request.continueAfterTimeout === true && request.transactionId == null,
        limit: request.formatRecordsAs === 'JSON' ? formattedLimit : recordsLimit,
      });
      return await responseTo(request, answer, session);
    } catch (error) {
      throw fromDatabase(error, rewritten.locate);
    }
  });
};

async function responseTo(request: Request<'Execute'>, answer: Answer, session: Session): Promise<string> {
  const updated = `"numberOfRecordsUpdated":${updatedRecords(answer.tag)}`;
  const { columns, rows } = answer;
  if (!columns) {
    return `{"generatedFields":[],${updated}}`;
  }

  const types = await typesOf(columns, session.types, session.client);
  // The format is for SELECT; with others the service takes no notice of it.
  if (request.formatRecordsAs === 'JSON' && answer.tag.startsWith('SELECT')) {
    return `{"formattedRecords":${JSON.stringify(formattedRecords(columns, types, rows))},${updated}}`;
  }
  const records = `"records":${recordsJson(types, rows, request.resultSetOptions)}`;
  if (!request.includeResultMetadata) {
    return `{${updated},${records}}`;
  }
  const metadata = JSON.stringify(await columnMetadata(columns, types, session.client));
  return `{"columnMetadata":${metadata},${updated},${records}}`;
}

/** `UPDATE 3` and `INSERT 0 3` have updated three records, `SELECT 3` none. */
function updatedRecords(tag: string): number {
  const match = /^(?:INSERT|UPDATE|DELETE|MERGE) (?:\d+ )?(\d+)$/.exec(tag);
  return Number(match?.[1] ?? 0);
}
