import { Fields } from './fields.ts';
import type { Catcher, Retrier } from './machine.ts';
import type { Problems } from './problems.ts';

/** The reserved names that JSONata states can fail with or match by. */
const reserved = new Set([
  'States.ALL',
  'States.DataLimitExceeded',
  'States.Permissions',
  'States.QueryEvaluationError',
  'States.Runtime',
  'States.TaskFailed',
  'States.Timeout',
]);

/** As long as AWS lets a retry wait: a day short of a year's seconds. */
const maxDelay = 31_622_399;
const maxInteger = 99_999_999;

const retrierFields = [
  'ErrorEquals',
  'IntervalSeconds',
  'MaxAttempts',
  'BackoffRate',
  'MaxDelaySeconds',
  'JitterStrategy',
  'Comment',
];

/** Reads a state's `Retry`, with AWS's defaults. */
export function retriers(state: Fields, problems: Problems): readonly Retrier[] {
  const list = state.list('Retry');
  return list.map((each, i) => {
    const fields = new Fields(each, `${state.path}/Retry[${i}]`, retrierFields, problems);
    const jitter = fields.string('JitterStrategy') ?? 'NONE';
    if (jitter !== 'NONE' && jitter !== 'FULL') {
      problems.schema('Value should be one of the following: [FULL, NONE]', `${fields.path}/JitterStrategy`);
    }
    const intervalSeconds = fields.number('IntervalSeconds', 1, maxInteger) ?? 1;
    const maxDelaySeconds = fields.number('MaxDelaySeconds', 1, maxDelay);
    if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
      problems.schema('MaxDelaySeconds must be greater than IntervalSeconds', fields.path);
    }
    return {
      errors: errorEquals(fields, i === list.length - 1, problems),
      intervalSeconds,
      maxAttempts: fields.number('MaxAttempts', 0, maxInteger) ?? 3,
      backoffRate: fields.number('BackoffRate', 1, Number.MAX_VALUE, 'any') ?? 2,
      maxDelaySeconds,
      fullJitter: jitter === 'FULL',
    };
  });
}

/** Reads a state's `Catch`; `exit` reads what a catcher has in common with a state. */
export function catchers(
  state: Fields,
  problems: Problems,
  exit: (catcher: Fields, at: string) => Omit<Catcher, 'errors'>,
): readonly Catcher[] {
  const list = state.list('Catch');
  return list.map((each, i) => {
    const at = `Catch[${i}]`;
    const known = ['ErrorEquals', 'Next', 'Assign', 'Output', 'Comment'];
    const fields = new Fields(each, `${state.path}/${at}`, known, problems);
    fields.require('Next');
    return { errors: errorEquals(fields, i === list.length - 1, problems), ...exit(fields, at) };
  });
}

function errorEquals(fields: Fields, last: boolean, problems: Problems): readonly string[] {
  const at = `${fields.path}/ErrorEquals`;
  fields.require('ErrorEquals');
  const errors = fields.list('ErrorEquals').map(String);
  if (fields.list('ErrorEquals').some((each) => typeof each !== 'string' || each === '')) {
    problems.schema('Expected a list of error names', at);
  }
  if (errors.includes('States.ALL') && (errors.length > 1 || !last)) {
    problems.schema('States.ALL must appear alone, and in the last Retrier or Catcher', at);
  }
  for (const error of errors) {
    if (error.startsWith('States.') && !reserved.has(error)) {
      problems.schema(`'${error}' is not one of [${[...reserved].join(', ')}]`, at);
    }
  }
  return errors;
}
