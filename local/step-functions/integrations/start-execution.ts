import type { JsonObject } from '../json.ts';
import { callApi, optionalString, requireString } from './api-call.ts';
import type { Integration } from './integration.ts';

/** What starts executions. */
interface Starter {
  start(request: {
    readonly stateMachineArn: string;
    readonly name: string | undefined;
    readonly input: string | undefined;
  }): { readonly arn: string; readonly startDate: Date };
}

const knownArguments = { StateMachineArn: 'required', Name: 'optional', Input: 'optional' } as const;

/** `arn:aws:states:::states:startExecution` starts an execution and does not wait for it. `Input` may be any JSON. */
export function startExecution(starter: Starter): Integration {
  return {
    name: 'states:startExecution',
    resourceType: 'states',
    resource: 'startExecution',
    arguments: knownArguments,
    call: (args) => callApi('StepFunctions', () => start(starter, args, inputText(args))),
  };
}

/** `arn:aws:states:::aws-sdk:sfn:startExecution` does the same through the SDK. `Input` must be text. */
export function startExecutionBySdk(starter: Starter): Integration {
  return {
    name: 'aws-sdk:sfn:startExecution',
    resourceType: 'aws-sdk:sfn',
    resource: 'startExecution',
    arguments: knownArguments,
    call: (args) => callApi('Sfn', () => start(starter, args, optionalString(args, 'Input'))),
  };
}

function inputText({ Input }: JsonObject): string | undefined {
  return Input === undefined || typeof Input === 'string' ? Input : JSON.stringify(Input);
}

function start(starter: Starter, args: JsonObject, input: string | undefined): JsonObject {
  const { arn, startDate } = starter.start({
    name: optionalString(args, 'Name'),
    stateMachineArn: requireString(args, 'StateMachineArn'),
    input,
  });
  return { ExecutionArn: arn, StartDate: startDate.toISOString() };
}
