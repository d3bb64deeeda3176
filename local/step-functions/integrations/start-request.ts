import type { JsonObject } from '../json.ts';
import { optionalString, requireString } from './api-call.ts';

/** What StartExecution takes. */
export interface StartRequest {
  readonly stateMachineArn: string;
  readonly name: string | undefined;
  /** JSON text. */
  readonly input: string | undefined;
}

/** The arguments of every Task that starts an execution. */
export const startArguments = { StateMachineArn: 'required', Name: 'optional', Input: 'optional' } as const;

/**
 * The request of a Task whose `Input` may be any JSON.
 *
 * @throws States.Runtime for a name or an ARN that is no text.
 */
export function startRequest(args: JsonObject): StartRequest {
  const { Input } = args;
  return withInput(args, Input === undefined || typeof Input === 'string' ? Input : JSON.stringify(Input));
}

/**
 * The request of a Task whose `Input` must be text.
 *
 * @throws States.Runtime for any argument that is no text.
 */
export function startRequestOfText(args: JsonObject): StartRequest {
  return withInput(args, optionalString(args, 'Input'));
}

function withInput(args: JsonObject, input: string | undefined): StartRequest {
  return {
    name: optionalString(args, 'Name'),
    stateMachineArn: requireString(args, 'StateMachineArn'),
    input,
  };
}
