import type { TaskState } from '../definition/machine.ts';
import { Failure, runtimeError } from '../failure.ts';
import type { Integration } from '../integrations/integration.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from '../json.ts';
import { sleep, unlessAborted } from './abortable.ts';
import { checkDataSize } from './data-size.ts';
import type { Visit } from './visit.ts';

/**
 * Calls the Task's integration once, and returns its result. As on AWS, a timeout or an abort does not stop the
 * service that was called, unless the integration is one that waits for a job's end.
 */
export async function runTask(visit: Visit, state: TaskState): Promise<Json> {
  const { integration, timeoutSeconds } = state;
  const given = state.arguments ? await visit.evaluate(state.arguments) : {};
  const timeout = timeoutSeconds && (await visit.integer(timeoutSeconds, 'TimeoutSeconds', 1));
  checkDataSize(JSON.stringify(given), visit.name);
  const args = checkedArguments(visit, integration, given);

  const about = { resourceType: integration.resourceType, resource: integration.resource };
  visit.record('TaskScheduled', {
    ...about,
    region: visit.execution.region,
    parameters: JSON.stringify(args),
    ...(timeout !== undefined && { timeoutInSeconds: timeout }),
  });
  visit.record('TaskStarted', about);
  const submitted = (answer: JsonObject) => {
    const output = JSON.stringify(answer);
    visit.record('TaskSubmitted', { ...about, output, outputDetails: { truncated: false } });
  };
  try {
    const result = await withTimeout(timeout, visit.signal, (signal) =>
      integration.call(args, { signal, executionArn: visit.execution.arn, submitted }),
    );
    const output = JSON.stringify(result);
    checkDataSize(output, integration.resourceType);
    visit.record('TaskSucceeded', { ...about, output, outputDetails: { truncated: false } });
    return parseJson(output);
  } catch (failure) {
    if (failure instanceof Failure) {
      const { error, cause } = failure;
      const type = error === 'States.Timeout' ? 'TaskTimedOut' : 'TaskFailed';
      visit.record(type, { ...about, error, ...(cause !== undefined && { cause }) });
    }
    throw failure;
  }
}

/** Arguments that were written out are checked with the definition. This checks those that an expression gave. */
function checkedArguments(visit: Visit, integration: Integration, args: Json): JsonObject {
  const problems = problemsOf(args, integration);
  if (!isJsonObject(args) || problems.length > 0) {
    throw visit.failed(
      runtimeError(
        `The Parameters '${JSON.stringify(args)}' could not be used to start the Task: [${problems.join(', ')}]`,
      ),
    );
  }
  return args;
}

function problemsOf(args: Json, integration: Integration): readonly string[] {
  const given = isJsonObject(args) ? Object.keys(args) : [];
  const required = Object.keys(integration.arguments).filter(
    (name) => integration.arguments[name] === 'required',
  );
  return [
    ...required
      .filter((name) => !given.includes(name))
      .map((name) => `The field '${name}' is required but was missing`),
    ...given
      .filter((name) => !Object.hasOwn(integration.arguments, name))
      .map((name) => `The field '${name}' is not supported by Step Functions`),
  ];
}

/**
 * Makes a call and waits for it, for at most so many real seconds.
 *
 * @param call Its signal is aborted when nobody waits for it any more.
 * @throws States.Timeout when it takes longer, or the outer signal's reason when that is aborted first.
 */
async function withTimeout<T>(
  seconds: number | undefined,
  outer: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const signal = AbortSignal.any([outer, own.signal]);
  if (seconds !== undefined) {
    sleep(seconds * 1000, signal).then(
      () => own.abort(new Failure('States.Timeout')),
      () => {}, // the wait for the call has ended before
    );
  }
  try {
    return await unlessAborted(signal, call(signal));
  } finally {
    own.abort(); // ends the timer
  }
}
