import type { Json } from '../json.ts';
import { asFailure, requireString } from './api.ts';
import type { Resource } from './resource.ts';

/** Where executions are started. */
interface Starter {
  start(
    machineArn: string,
    name: string | undefined,
    input: string | undefined,
  ): { readonly arn: string; readonly startDate: Date };
}

const known = { StateMachineArn: 'required', Name: 'optional', Input: 'optional' } as const;

/** `arn:aws:states:::states:startExecution`: starts and does not wait. `Input` may be any JSON. */
export function startExecution(account: Starter): Resource {
  return {
    name: 'states:startExecution',
    resourceType: 'states',
    resource: 'startExecution',
    arguments: known,
    call: (args) =>
      asFailure('StepFunctions', () => {
        const { Input } = args;
        const input = Input === undefined || typeof Input === 'string' ? Input : JSON.stringify(Input);
        return start(account, args, input);
      }),
  };
}

/** `arn:aws:states:::aws-sdk:sfn:startExecution`: the same through the SDK, where `Input` is text. */
export function startExecutionBySdk(account: Starter): Resource {
  return {
    name: 'aws-sdk:sfn:startExecution',
    resourceType: 'aws-sdk:sfn',
    resource: 'startExecution',
    arguments: known,
    call: (args) =>
      asFailure('Sfn', () =>
        start(account, args, args.Input === undefined ? undefined : requireString(args, 'Input')),
      ),
  };
}

function start(account: Starter, args: Readonly<Record<string, Json>>, input: string | undefined): Json {
  const name = args.Name === undefined ? undefined : requireString(args, 'Name');
  const { arn, startDate } = account.start(requireString(args, 'StateMachineArn'), name, input);
  return { ExecutionArn: arn, StartDate: startDate.toISOString() };
}
