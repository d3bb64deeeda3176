import type { LambdaFunction } from '../../lambda/function.ts';
import { Failure } from '../failure.ts';
import type { Json } from '../json.ts';
import type { Resource } from './resource.ts';

/** What a Task needs of a function. */
export type Invocable = Pick<LambdaFunction, 'arn' | 'name' | 'version' | 'invoke'>;

/** `arn:aws:states:::lambda:invoke` over the functions there are when it is called, latest first. */
export function lambdaInvoke(functions: readonly Invocable[]): Resource {
  return {
    name: 'lambda:invoke',
    resourceType: 'lambda',
    resource: 'invoke',
    arguments: { FunctionName: 'required', Payload: 'optional' },
    call: async ({ FunctionName, Payload = {} }) => {
      const name = String(FunctionName);
      const found = functions.find((each) => goesBy(each, name));
      if (found === undefined) {
        const about = '(Service: Lambda, Status Code: 404)';
        throw new Failure('Lambda.ResourceNotFoundException', `Function not found: ${name} ${about}`);
      }
      const outcome = await found.invoke(Payload, name.startsWith('arn:') ? name : found.arn);
      if (outcome.status === 'failed') {
        throw new Failure(outcome.errorType, JSON.stringify(outcome.error));
      }
      return { ExecutedVersion: found.version, Payload: outcome.payload as Json, StatusCode: 200 };
    },
  };
}

/** By its name or ARN; with a version only that one. */
function goesBy({ arn, name, version }: Invocable, asked: string): boolean {
  return [name, arn].some(
    (own) => asked === own || asked === `${own}:${version}` || asked === `${own}:$LATEST`,
  );
}
