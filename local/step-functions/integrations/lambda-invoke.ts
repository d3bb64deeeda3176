import type { LambdaFunction } from '../../lambda/function.ts';
import { Failure } from '../failure.ts';
import type { Integration } from './integration.ts';

/** What a Task needs of a function. */
export type Invocable = Pick<LambdaFunction, 'arn' | 'name' | 'version' | 'invoke'>;

/**
 * `arn:aws:states:::lambda:invoke`
 *
 * @param functions Those that can be invoked, the latest first. It is read at each call, so functions may be added
 *   later.
 */
export function lambdaInvoke(functions: readonly Invocable[]): Integration {
  return {
    name: 'lambda:invoke',
    resourceType: 'lambda',
    resource: 'invoke',
    arguments: { FunctionName: 'required', Payload: 'optional' },
    async call({ FunctionName, Payload = {} }) {
      const name = String(FunctionName);
      const called = functions.find((each) => isCalled(name, each));
      if (called === undefined) {
        const status = '(Service: Lambda, Status Code: 404)';
        throw new Failure('Lambda.ResourceNotFoundException', `Function not found: ${name} ${status}`);
      }
      const outcome = await called.invoke(Payload, name.startsWith('arn:') ? name : called.arn);
      if (outcome.status === 'failed') {
        throw new Failure(outcome.errorType, JSON.stringify(outcome.error));
      }
      return { ExecutedVersion: called.version, Payload: outcome.payload, StatusCode: 200 };
    },
  };
}

/** Whether a function's name or ARN is this one; with a version behind it, only that version is meant. */
function isCalled(wanted: string, { arn, name, version }: Invocable): boolean {
  return [name, arn].some(
    (own) => wanted === own || wanted === `${own}:${version}` || wanted === `${own}:$LATEST`,
  );
}
