import type { App } from 'aws-cdk-lib';
import { wholeNumber } from '../context.ts';
import type { OperationsSettings } from './operations.ts';

/**
 * What the app's context says about operations: `-c tell=ops@example.org,arn:aws:sqs:…`, `-c runbookUrl=https://…`,
 * `-c rowErrorLimit=100`. Throws for what is none of that.
 */
export function operationsSettings(app: App): OperationsSettings {
  const runbookUrl = text(app, 'runbookUrl');
  if (runbookUrl !== undefined && !URL.canParse(runbookUrl)) {
    throw new Error(`The context runbookUrl must be an address, got ${JSON.stringify(runbookUrl)}.`);
  }
  return {
    tell: text(app, 'tell')?.split(/\s*,\s*/),
    runbookUrl,
    limits: { rowErrors: wholeNumber(app, 'rowErrorLimit') },
  };
}

/** One value of the context; undefined if it is not there, or empty. */
function text(app: App, key: string): string | undefined {
  const value: unknown = app.node.tryGetContext(key) ?? '';
  return String(value) || undefined;
}
