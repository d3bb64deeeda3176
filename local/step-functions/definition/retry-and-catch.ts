import { maxInteger, maxRetryDelaySeconds } from '../quotas.ts';
import type { Catcher, ErrorHandling, Retrier } from './machine.ts';
import type { StateFields } from './state-fields.ts';

/** The names beginning with `States.` that JSONata states can fail with, or match by. */
const reservedErrors = [
  'States.ALL',
  'States.DataLimitExceeded',
  'States.Permissions',
  'States.QueryEvaluationError',
  'States.Runtime',
  'States.TaskFailed',
  'States.Timeout',
];

const retrierFields = [
  'ErrorEquals',
  'IntervalSeconds',
  'MaxAttempts',
  'BackoffRate',
  'MaxDelaySeconds',
  'JitterStrategy',
  'Comment',
];
const catcherFields = ['ErrorEquals', 'Next', 'Assign', 'Output', 'Comment'];

/** The Amazon States Language's defaults for a retrier. */
const defaults = { intervalSeconds: 1, maxAttempts: 3, backoffRate: 2 };

/** Reads a state's `Retry` and `Catch`. */
export function readErrorHandling(state: StateFields): ErrorHandling {
  const retriers = state.parts('Retry', retrierFields);
  const catchers = state.parts('Catch', catcherFields);
  return {
    retry: retriers.map((retrier, i) => readRetrier(retrier, i === retriers.length - 1)),
    catch: catchers.map((catcher, i) => readCatcher(catcher, i === catchers.length - 1)),
  };
}

function readRetrier(retrier: StateFields, isLast: boolean): Retrier {
  const { fields } = retrier;
  const jitter = fields.string('JitterStrategy') ?? 'NONE';
  if (jitter !== 'NONE' && jitter !== 'FULL') {
    retrier.problem('Value should be one of the following: [FULL, NONE]', 'JitterStrategy');
  }
  const intervalSeconds =
    fields.integer('IntervalSeconds', { min: 1, max: maxInteger }) ?? defaults.intervalSeconds;
  const maxDelaySeconds = fields.integer('MaxDelaySeconds', { min: 1, max: maxRetryDelaySeconds });
  if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
    retrier.problem('MaxDelaySeconds must be greater than IntervalSeconds');
  }
  return {
    errors: readErrorEquals(retrier, isLast),
    intervalSeconds,
    maxAttempts: fields.integer('MaxAttempts', { min: 0, max: maxInteger }) ?? defaults.maxAttempts,
    backoffRate: fields.number('BackoffRate', { min: 1, max: Number.MAX_VALUE }) ?? defaults.backoffRate,
    maxDelaySeconds,
    jitter: jitter === 'FULL' ? 'FULL' : 'NONE',
  };
}

function readCatcher(catcher: StateFields, isLast: boolean): Catcher {
  catcher.fields.require('Next');
  return { errors: readErrorEquals(catcher, isLast), ...catcher.exit('caught') };
}

function readErrorEquals(part: StateFields, isLast: boolean): readonly string[] {
  const { fields } = part;
  fields.require('ErrorEquals');
  const list = fields.list('ErrorEquals');
  if (list.some((name) => typeof name !== 'string' || name === '')) {
    part.problem('Expected a list of error names', 'ErrorEquals');
  }
  const errors = list.map(String);
  if (errors.includes('States.ALL') && (errors.length > 1 || !isLast)) {
    part.problem('States.ALL must appear alone, and in the last Retrier or Catcher', 'ErrorEquals');
  }
  for (const error of errors) {
    if (error.startsWith('States.') && !reservedErrors.includes(error)) {
      part.problem(`'${error}' is not one of [${reservedErrors.join(', ')}]`, 'ErrorEquals');
    }
  }
  return errors;
}
