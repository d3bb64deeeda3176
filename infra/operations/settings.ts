import type { App } from 'aws-cdk-lib';
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
  const rowErrors = text(app, 'rowErrorLimit');
  if (rowErrors !== undefined && !/^[1-9]\d*$/.test(rowErrors)) {
    throw new Error(`The context rowErrorLimit must be a number from 1, got ${JSON.stringify(rowErrors)}.`);
  }
  return {
    tell: text(app, 'tell')?.split(/\s*,\s*/),
    runbookUrl,
    limits: { rowErrors: rowErrors === undefined ? undefined : Number(rowErrors) },
  };
}

/** One value of the context; undefined if it is not there, or empty. */
function text(app: App, key: string): string | undefined {
  const value: unknown = app.node.tryGetContext(key) ?? '';
  return String(value) || undefined;
}
