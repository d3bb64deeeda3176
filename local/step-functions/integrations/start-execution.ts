import type { JsonObject } from '../json.ts';
import { callApi } from './api-call.ts';
import type { Integration } from './integration.ts';
import { type StartRequest, startArguments, startRequest, startRequestOfText } from './start-request.ts';

/** What starts executions. */
interface Starter {
  start(request: StartRequest): { readonly arn: string; readonly startDate: Date };
}

/** `arn:aws:states:::states:startExecution` starts an execution and does not wait for it. `Input` may be any JSON. */
export function startExecution(starter: Starter): Integration {
  return {
    name: 'states:startExecution',
    resourceType: 'states',
    resource: 'startExecution',
    arguments: startArguments,
    call: (args) => callApi('StepFunctions', () => start(starter, startRequest(args))),
  };
}

/** `arn:aws:states:::aws-sdk:sfn:startExecution` does the same through the SDK. `Input` must be text. */
export function startExecutionBySdk(starter: Starter): Integration {
  return {
    name: 'aws-sdk:sfn:startExecution',
    resourceType: 'aws-sdk:sfn',
    resource: 'startExecution',
    arguments: startArguments,
    call: (args) => callApi('Sfn', () => start(starter, startRequestOfText(args))),
  };
}

function start(starter: Starter, request: StartRequest): JsonObject {
  const { arn, startDate } = starter.start(request);
  return { ExecutionArn: arn, StartDate: startDate.toISOString() };
}
