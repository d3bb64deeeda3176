import * as v from 'valibot';
import type { Session } from '../connections/session.ts';
import { fromDatabase, RdsDataError } from '../errors.ts';
import { bind } from '../parameters/bind.ts';
import { rewriteParameters } from '../parameters/named-parameters.ts';
import { sqlParameter } from '../parameters/sql-parameter.ts';
import { columnMetadata } from '../results/column-metadata.ts';
import { formattedLimit, formattedRecords } from '../results/formatted-records.ts';
import { recordsJson } from '../results/records.ts';
import { resultLimit, type StatementResult } from '../results/result.ts';
import { resultColumns } from '../results/result-columns.ts';
import { action, inSession } from './action.ts';
import { optional, statement } from './request.ts';

const request = v.object({
  ...statement,
  parameters: optional(v.array(sqlParameter)),
  includeResultMetadata: optional(v.boolean()),
  continueAfterTimeout: optional(v.boolean()),
  formatRecordsAs: optional(v.picklist(['NONE', 'JSON'])),
  resultSetOptions: optional(
    v.object({
      decimalReturnType: optional(v.picklist(['STRING', 'DOUBLE_OR_LONG'])),
      longReturnType: optional(v.picklist(['STRING', 'LONG'])),
    }),
  ),
});
type Request = v.InferOutput<typeof request>;

/** Runs one statement. */
export const execute = action(request, async (request, context) => {
  const continueAfterTimeout = request.continueAfterTimeout === true;
  if (continueAfterTimeout && request.transactionId != null) {
    throw new RdsDataError('BadRequestException', 'continueAfterTimeout is not supported in a transaction.');
  }
  const rewritten = rewriteParameters(request.sql);
  const bound = bind(rewritten, request.parameters ?? []);
  return inSession(request, context, async (session) => {
    try {
      const result = await context.deviation.execute(bound, (statement) =>
        session.run(statement, {
          deadline: context.deadline,
          continueAfterTimeout,
          limit: request.formatRecordsAs === 'JSON' ? formattedLimit : resultLimit,
        }),
      );
      return await responseTo(request, result, session);
    } catch (error) {
      throw fromDatabase(error, rewritten.locate);
    }
  });
});

async function responseTo(request: Request, result: StatementResult, session: Session): Promise<string> {
  const updated = `"numberOfRecordsUpdated":${updatedRecords(result.tag)}`;
  if (!result.columns) {
    return `{"generatedFields":[],${updated}}`;
  }

  const { rows, tag } = result;
  const columns = await resultColumns(result.columns, session);
  // The service formats what a SELECT returns, and ignores the format for any other statement.
  if (request.formatRecordsAs === 'JSON' && tag.startsWith('SELECT')) {
    return `{"formattedRecords":${JSON.stringify(formattedRecords(columns, rows))},${updated}}`;
  }
  const records = `"records":${recordsJson(columns, rows, request.resultSetOptions ?? {})}`;
  if (!request.includeResultMetadata) {
    return `{${updated},${records}}`;
  }
  const metadata = JSON.stringify(await columnMetadata(columns, session));
  return `{"columnMetadata":${metadata},${updated},${records}}`;
}

/** `UPDATE 3` and `INSERT 0 3` have updated three records, `SELECT 3` none. */
function updatedRecords(tag: string): number {
  const match = /^(?:INSERT|UPDATE|DELETE|MERGE) (?:\d+ )?(\d+)$/.exec(tag);
  return Number(match?.[1] ?? 0);
}
