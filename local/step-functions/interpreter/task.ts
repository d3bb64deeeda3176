import type { TaskState } from '../definition/machine.ts';
import { dataLimitExceeded, Failure } from '../failure.ts';
import { bytes, dataLimit, isObject, type Json } from '../json.ts';
import type { Resource } from '../resources/resource.ts';
import type { Visit } from './visit.ts';
import { sleep, unlessAborted } from './waiting.ts';

/** One attempt of a Task. A timeout or an abort leaves the resource at what it does, as on AWS. */
export async function runTask(
  visit: Visit,
  { resource, arguments: template, timeoutSeconds }: TaskState,
): Promise<Json> {
  const args = template === undefined ? {} : await visit.evaluate(template);
  const seconds = timeoutSeconds && (await visit.number(timeoutSeconds, 'TimeoutSeconds', 1));
  visit.checkSize(args);
  checkArguments(visit, resource, args);

  const about = { resourceType: resource.resourceType, resource: resource.resource };
  visit.record('TaskScheduled', {
    ...about,
    region: visit.running.region,
    parameters: JSON.stringify(args),
    ...(seconds !== undefined && { timeoutInSeconds: seconds }),
  });
  visit.record('TaskStarted', about);
  try {
    const call = resource.call(args as Readonly<Record<string, Json>>, { executionArn: visit.running.arn });
    const result = await unlessAborted(visit.signal, withTimeout(call, seconds));
    const output = JSON.stringify(result);
    if (bytes(output) > dataLimit) {
      throw dataLimitExceeded(resource.resourceType);
    }
    visit.record('TaskSucceeded', { ...about, output, outputDetails: { truncated: false } });
    return result;
  } catch (failure) {
    if (failure instanceof Failure) {
      const type = failure.error === 'States.Timeout' ? 'TaskTimedOut' : 'TaskFailed';
      const cause = failure.reason !== undefined && { cause: failure.reason };
      visit.record(type, { ...about, error: failure.error, ...cause });
    }
    throw failure;
  }
}

async function withTimeout(call: Promise<Json>, seconds: number | undefined): Promise<Json> {
  if (seconds === undefined) {
    return call;
  }
  const answered = new AbortController();
  const late = async (): Promise<Json> => {
    await sleep(seconds * 1000, answered.signal);
    throw new Failure('States.Timeout');
  };
  try {
    return await Promise.race([call, late()]);
  } finally {
    answered.abort();
  }
}

/** What only shows at run time, because expressions gave it. */
function checkArguments(visit: Visit, resource: Resource, args: Json): void {
  const given = isObject(args) ? Object.keys(args) : [];
  const problems = [
    ...Object.entries(resource.arguments)
      .filter(([name, need]) => need === 'required' && !given.includes(name))
      .map(([name]) => `The field '${name}' is required but was missing`),
    ...given
      .filter((name) => !Object.hasOwn(resource.arguments, name))
      .map((name) => `The field '${name}' is not supported by Step Functions`),
  ];
  if (problems.length > 0) {
    const reason = `The Parameters '${JSON.stringify(args)}' could not be used to start the Task: [${problems.join(', ')}]`;
    throw visit.failed(new Failure('States.Runtime', reason, { ours: true }));
  }
}
