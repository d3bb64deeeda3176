import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { ErrorName } from '../../functions/contract.ts';
import {
  type Definition,
  definitionOf,
  type FunctionProperties,
  type MachineProperties,
  propertiesOf,
  type State,
  statesOf,
  synthesized,
} from './synthesized.ts';

const validate: (definition: Definition) => { isValid: boolean; errorsText: () => string } = createRequire(
  import.meta.url,
)('asl-validator');

const made = synthesized();
const functions = propertiesOf<FunctionProperties>(made, 'AWS::Lambda::Function');
const machines = ['run-migrations', 'rebuild-employee-projections'].map((name) => ({
  name,
  definition: definitionOf(made, name),
}));
const runMigrations = statesOf(definitionOf(made, 'run-migrations'));
const rebuild = statesOf(definitionOf(made, 'rebuild-employee-projections'));

describe.each(machines)('the machine $name', ({ name, definition }) => {
  const states = Object.values(statesOf(definition));

  test('is a Standard machine in JSONata throughout, logged in full', () => {
    const properties = Object.values(
      propertiesOf<MachineProperties>(made, 'AWS::StepFunctions::StateMachine'),
    );
    expect(properties.find(({ StateMachineName }) => StateMachineName === name)).toMatchObject({
      StateMachineType: 'STANDARD',
      LoggingConfiguration: { Level: 'ALL' },
    });
    expect(definition.QueryLanguage).toBe('JSONata');
    expect(states.map(({ QueryLanguage = 'JSONata' }) => QueryLanguage)).not.toContain('JSONPath');
  });

  test('has a comment for each state, which the console shows', () => {
    const without = Object.entries(statesOf(definition)).flatMap(([state, { Comment }]) =>
      /^\p{Lu}.{15,}\.$/u.test(String(Comment)) ? [] : [state],
    );
    expect(without).toEqual([]);
  });

  test('is valid Amazon States Language', () => {
    const { isValid, errorsText } = validate(structuredClone(definition));
    expect(isValid, errorsText()).toBe(true);
  });

  test('has expressions that AWS accepts: they parse, and name nothing at the top level', () => {
    const expressions = stringsIn(definition).filter((text) => text.includes('{%'));
    expect(expressions.length).toBeGreaterThan(10);
    for (const expression of expressions) {
      expect(expression).toMatch(/^\{%.*%\}$/);
      expect(bareNames(jsonata(expression.slice(2, -2)).ast()), expression).toEqual([]);
    }
  });

  test('knows errors only by the names that the contract or AWS gives them', () => {
    const ours: readonly string[] = Object.values(ErrorName);
    const named = states.flatMap(({ Retry = [], Catch = [], Error: fails }) => [
      ...[...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals),
      ...(fails && !fails.startsWith('{%') ? [fails] : []),
    ]);
    expect(named.filter((error) => !ours.includes(error) && !documentedByAws.has(error))).toEqual([]);
  });

  test('tries an asleep database for longer than it takes to wake, and a business error never again', () => {
    for (const { Retry = [] } of lambdaTasks(states)) {
      const waking = Retry.find(({ ErrorEquals }) => ErrorEquals.includes(ErrorName.DatabaseUnavailable));
      expect(waking).toMatchObject({
        IntervalSeconds: 10,
        BackoffRate: 2,
        MaxAttempts: 8,
        MaxDelaySeconds: 300,
      });
      const retried = Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
      expect(retried.filter((error) => error in meansSomething || error.endsWith('.ALL'))).toEqual([]);
    }
  });

  test('waits for an answer longer than the Lambda may take to give it', () => {
    const longest = Math.max(...Object.values(functions).map(({ Timeout }) => Timeout));
    for (const { TimeoutSeconds } of lambdaTasks(states)) {
      expect(TimeoutSeconds).toBeGreaterThan(longest);
    }
  });

  test('promise 10: invokes one pinned version from its first state to its last', () => {
    const versions = new Set(lambdaTasks(states).map(({ Arguments = {} }) => Arguments.FunctionName));
    // Or the one that the run's first execution began with, in a part of a run.
    const pinned =
      /^(\{% \$exists\((\S+)\.function\) \? \2\.function : ')?<.*CurrentVersion[0-9A-F]{8}[0-9a-f]{32}>(' %\})?$/;
    expect([...versions]).toEqual([expect.stringMatching(pinned)]);
  });

  test('promise 9: goes from slice to slice over one Choice and at most one Wait, 9 events in all', () => {
    const { 'How far?': howFar, Rest: rest, ...others } = statesOf(definition);
    const [loop] = Object.entries(others).flatMap(([state, { Next }]) =>
      Next === 'How far?' ? [state] : [],
    );
    expect(howFar?.Type).toBe('Choice');
    expect(rest).toMatchObject({ Type: 'Wait', Next: loop });
  });
});

describe('a run', () => {
  test('promise 9: stays below 25,000 events even when every slice needs every retry', () => {
    const [slices] = Object.values(functions).flatMap(
      ({ Environment }) => Environment.Variables.SLICES_PER_EXECUTION ?? [],
    );
    const tries = (state: State | undefined) =>
      (state?.Retry ?? []).reduce((sum, { MaxAttempts = 3 }) => sum + MaxAttempts, 0);
    const eventsOfTask = (state: string) => 5 + 3 * tries(runMigrations[state]);
    const choice = 2;
    const wait = 2;
    const perSlice = eventsOfTask('Run batches') + choice + wait;
    const perMigration = 2 + eventsOfTask('Pending?') + choice + 2;
    const others = 1_000; // opening, closing, starting jobs, failing
    const events = Number(slices) * perSlice + 100 * perMigration + others;
    expect(events).toBeLessThan(25_000);
  });

  test('takes the migrations one at a time, and stops at the first that fails', () => {
    expect(runMigrations['Each migration']).toMatchObject({ Type: 'Map', MaxConcurrency: 1 });
    expect(runMigrations['Each migration']?.ToleratedFailurePercentage).toBeUndefined();
  });

  test('asks Lambda one operation per state, in the words of the contract', () => {
    expect(
      Object.entries(runMigrations).flatMap(([name, { Arguments }]) => {
        const payload = Arguments?.Payload as { operation: string } | undefined;
        return payload ? [`${name}: ${payload.operation}`] : [];
      }),
    ).toEqual(
      expect.arrayContaining([
        'Open run: open',
        'Pending?: pending',
        'Run batches: batches',
        'Close run: close',
        'Record failure: fail',
      ]),
    );
  });

  test('does not rest, and pays for no transition, when the slice asks for none', () => {
    expect(runMigrations['How far?']?.Choices?.slice(0, 2)).toEqual([
      { Condition: expect.stringContaining('rest_seconds > 0'), Next: 'Rest' },
      { Condition: expect.stringContaining("'more'"), Next: 'Run batches' },
    ]);
  });

  test('promise 4: a second start is refused before it could touch what the first one holds', () => {
    expect(runMigrations['Open run']?.Catch?.slice(0, 2)).toEqual([
      { ErrorEquals: [ErrorName.AlreadyRunning], Next: 'Already running' },
      { ErrorEquals: [ErrorName.InvalidInput], Next: 'Invalid input' },
    ]);
    expect(runMigrations['Already running']).toMatchObject({ Type: 'Fail', Error: ErrorName.AlreadyRunning });
    expect(runMigrations['Invalid input']).toMatchObject({ Type: 'Fail', Error: ErrorName.InvalidInput });
  });

  test('records every failure that a state can catch, wherever it happens', () => {
    const outside = definitionOf(made, 'run-migrations').States;
    const unrecorded = Object.entries(outside).flatMap(([name, { Type, Catch = [] }]) => {
      const caught = Catch.filter(({ Next }) => Next === 'Record failure').flatMap(
        ({ ErrorEquals }) => ErrorEquals,
      );
      const canFail = Type === 'Task' || Type === 'Map';
      return canFail && !caught.includes('States.ALL') ? [name] : [];
    });
    expect(unrecorded).toEqual(['Record failure']);
    expect(runMigrations['Record failure']?.Catch).toEqual([
      { ErrorEquals: ['States.ALL'], Output: '{% $states.input %}', Next: 'Failed' },
    ]);
  });

  test('promise 7: starts follow-up jobs only when it closed as succeeded, each under a name given once', () => {
    const leadsTo = Object.entries(runMigrations).flatMap(([name, { Next, Choices = [] }]) =>
      [Next, ...Choices.map((choice) => choice.Next)].includes('Start follow-up jobs') ? [name] : [],
    );
    expect(leadsTo).toEqual(['How did it close?']);
    expect(
      runMigrations['How did it close?']?.Choices?.find(({ Next }) => Next === 'Start follow-up jobs'),
    ).toEqual({
      Condition: "{% $states.input.state = 'succeeded' and $count($states.input.follow_ups) > 0 %}",
      Next: 'Start follow-up jobs',
    });
    for (const state of [runMigrations['Start job'], runMigrations['Start in the background']]) {
      expect(state?.Arguments?.Name).toBe('{% $states.input.execution_name %}');
      expect(state?.Retry?.[0]).toMatchObject({ ErrorEquals: alreadyExists, MaxAttempts: 0 });
      expect(state?.Catch?.[0]).toMatchObject({ ErrorEquals: alreadyExists, Output: '{% $states.input %}' });
    }
  });

  test.each([
    ['release-7', undefined, 'release-7-part-2'],
    ['release-7', 1, 'release-7-part-2-redrive-1'],
    ['r'.repeat(58), undefined, `${'r'.repeat(58)}-part-2`],
    ['r'.repeat(80), 12, expect.stringMatching(/^r{49}-[0-9a-f]{8}-part-2-redrive-12$/)],
  ])(
    'promise 12: called %s, redriven %s times, waits for a part of a name of its own',
    async (name, redrives, part) => {
      const expression = String(runMigrations['Next part']?.Arguments?.Name);
      const execution = { Name: name, ...(redrives !== undefined && { RedriveCount: redrives }) };
      const code = jsonata(expression.slice(2, -2));
      code.registerFunction('hash', (text: string) => createHash('sha256').update(text).digest('hex'));
      const made = await code.evaluate({}, { states: { context: { Execution: execution } }, part: 1 });
      expect(made).toEqual(part);
      expect(made.length).toBeLessThanOrEqual(80);
    },
  );

  test('promise 12: waits for its parts, and nothing says that it has succeeded before', () => {
    expect(runMigrations['Next part']?.Resource).toMatch(/:states:::states:startExecution\.sync:2$/);
    expect(runMigrations['Next part']?.Next).toBe('How did it close?');
    const choices = runMigrations['How did it close?']?.Choices?.map(({ Next }) => Next);
    expect(choices).toEqual(['Part done', 'Next part', 'Start follow-up jobs', 'Completed']);
  });
});

describe('a rebuild', () => {
  const startedBy = (input: object) => {
    const condition = rebuild['Started by a run?']?.Choices?.[0]?.Condition ?? '';
    return jsonata(condition.slice(2, -2)).evaluate({}, { states: { input } });
  };
  const starter = (arn: unknown) => ({ AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: arn });

  test('promise 7: waits for the run that started it, and for nobody else', async () => {
    expect(await startedBy(starter('arn:aws:states:eu-central-1:1:execution:run-migrations:release-7'))).toBe(
      true,
    );
    expect(await startedBy({})).toBe(false);
    expect(await startedBy({ Comment: 'Insert your JSON here' })).toBe(false);
    expect(await startedBy(starter(''))).toBe(false);
    expect(await startedBy(starter(7))).toBe(false);
    expect(await startedBy(starter('arn:aws:states:eu-central-1:1:execution:nightly:1'))).toBe(false);
  });

  test('promise 7: begins only when that run has succeeded, and fails when it ended otherwise', () => {
    expect(rebuild['How did it end?']?.Choices?.map(({ Next }) => Next)).toEqual([
      'Prepare rebuild',
      'Wait for the run',
    ]);
    expect(rebuild['How did it end?']?.Default).toBe('Run did not succeed');
    expect(rebuild['Run did not succeed']).toMatchObject({ Type: 'Fail', Error: ErrorName.RunDidNotSucceed });
    expect(rebuild['Started by a run?']?.Default).toBe('Prepare rebuild');
  });
});

const alreadyExists = [
  'StepFunctions.ExecutionAlreadyExistsException',
  'StepFunctions.ExecutionAlreadyExists',
];

const meansSomething = Object.fromEntries(
  Object.values(ErrorName)
    .filter((name) => name !== ErrorName.DatabaseUnavailable)
    .map((name) => [name, true]),
);

const documentedByAws = new Set([
  ...alreadyExists,
  'StepFunctions.ThrottlingException',
  'StepFunctions.SdkClientException',
  'StepFunctions.AWSStepFunctionsException',
  'States.ALL',
  'States.DataLimitExceeded',
  'States.Timeout',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
  'Lambda.Unknown',
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Sfn.SfnException',
  'Sfn.SdkClientException',
  'Sfn.ExecutionDoesNotExistException',
]);

function lambdaTasks(states: readonly State[]): State[] {
  return states.filter(({ Resource }) => Resource?.endsWith(':states:::lambda:invoke'));
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    return [value];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

/** Paths that begin with a field name: at the top level there is nothing that could have it, and AWS refuses them. */
function bareNames(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  const { type, steps } = node as { type?: string; steps?: { type: string; value: string }[] };
  if (type === 'path' && steps?.[0]?.type === 'name') {
    return [steps[0].value];
  }
  return Object.values(node).flatMap(bareNames);
}
