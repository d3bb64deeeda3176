import { setTimeout as wait } from 'node:timers/promises';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Context } from 'aws-lambda';
import { object, optional, string } from 'valibot';
import { stackDatabase, waitsFor } from '../engine/database/data-api.ts';
import { readEnvironment } from '../engine/database/environment.ts';
import { DatabaseUnavailable } from '../engine/errors.ts';
import { executionStatus } from '../engine/ledger/execution-status.ts';
import { useSchema } from '../engine/ledger/names.ts';
import type { Known } from '../engine/overview/status.ts';
import { type WidgetRequest, widget } from './widget.ts';

/** Names and kinds of the registered migrations, in order: esbuild writes them here when the function is bundled. */
declare const REGISTERED_MIGRATIONS: readonly Known[];

const variables = object({ MACHINE_ARN: string(), LEDGER_SCHEMA: optional(string()) });
const { MACHINE_ARN, LEDGER_SCHEMA } = readEnvironment(variables, process.env);
useSchema(LEDGER_SCHEMA);

const sleep = (seconds: number): Promise<void> => wait(seconds * 1_000);

/** Whoever looks at a dashboard does not wait as long as a paused database may take to wake up. */
async function briefSleep(seconds: number): Promise<void> {
  if (seconds > 10) {
    throw new DatabaseUnavailable('the database is waking up, which takes up to half a minute');
  }
  await sleep(seconds);
}

const sfn = new SFNClient({ requestHandler: waitsFor(10) });
const answer = widget({
  sfn,
  machineArn: MACHINE_ARN,
  database: stackDatabase(process.env, briefSleep),
  statusOf: executionStatus(sfn, sleep),
  registered: REGISTERED_MIGRATIONS,
});

/** Answers a dashboard with HTML, or with the widget's documentation. */
export const handler = (
  request: WidgetRequest,
  { invokedFunctionArn }: Pick<Context, 'invokedFunctionArn'>,
): Promise<string> => answer(request, invokedFunctionArn);
