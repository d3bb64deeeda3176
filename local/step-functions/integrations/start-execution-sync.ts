import { Failure } from '../failure.ts';
import { unlessAborted } from '../interpreter/abortable.ts';
import { parseJson } from '../json.ts';
import { callApi, inSdkCase } from './api-call.ts';
import type { Describe } from './describe-execution.ts';
import type { CallingTask, Integration } from './integration.ts';
import { type StartRequest, startArguments, startRequest } from './start-request.ts';

/** What starts executions and can wait for them. */
interface Runner {
  start(request: StartRequest): Child;
}

/** An execution that a Task has started. */
interface Child {
  readonly arn: string;
  readonly startDate: Date;
  readonly status: string;
  /** Resolves when it ends. */
  readonly ended: Promise<void>;
  /** Ends it, unless it has ended. */
  stop(reason: { readonly cause: string }): void;
}

/**
 * `arn:aws:states:::states:startExecution.sync:2` starts an execution and waits for its end. `Input` may be any JSON.
 * The result is what DescribeExecution answers, with input and output as JSON instead of as text. An execution that
 * does not succeed fails the Task, always as `States.TaskFailed`; its own error is in the cause.
 */
export function startExecutionSync(runner: Runner, describe: Describe): Integration {
  return {
    name: 'states:startExecution.sync:2',
    resourceType: 'states',
    resource: 'startExecution.sync:2',
    arguments: startArguments,
    async call(args, task) {
      const child = await callApi('StepFunctions', () => runner.start(startRequest(args)));
      await waitFor(child, task);
      const description = asOnAws(describe(child.arn, 'ALL_DATA'));
      if (child.status !== 'SUCCEEDED') {
        throw new Failure('States.TaskFailed', JSON.stringify(description)); // its input stays text there
      }
      const { Input, Output } = description;
      return { ...description, Input: parseJson(String(Input)), Output: parseJson(String(Output)) };
    },
  };
}

/**
 * Waits for an execution's end. When nobody waits any more, AWS stops it: without an error and with this cause,
 * whether the Task timed out, its execution ended or a branch beside it failed.
 */
async function waitFor(child: Child, { signal, executionArn, submitted }: CallingTask): Promise<void> {
  try {
    submitted({ ExecutionArn: child.arn, StartDate: inMilliseconds(child.startDate) });
    await unlessAborted(signal, child.ended);
  } catch (aborted) {
    const cause = `The Task state in AWS Step Functions execution [${executionArn}] which was managing this resource was aborted`;
    child.stop({ cause });
    throw aborted;
  }
}

/** Recordings of AWS have the fields of a description sorted by name, in the result and in the cause. */
function asOnAws(description: ReturnType<Describe>): Record<string, unknown> {
  const fields = inSdkCase(description, inMilliseconds);
  const names = Object.keys(fields).sort();
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

/**
 * Unlike integrations through the SDK, whose times are ISO 8601, this one gives milliseconds since 1970 as a number:
 * AWS's documentation is silent, but causes that users have logged (`"StartDate":1733089875458`) and recordings of
 * the service say so.
 */
function inMilliseconds(time: Date): number {
  return time.getTime();
}
