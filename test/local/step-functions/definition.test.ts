import { describe, expect, test } from 'vitest';
import { Account } from '../../../local/step-functions/account.ts';
import { definition, invoke, machineArn, type States } from './endpoint.ts';

/** What creating a machine says. */
function refusal(text: string): string {
  const machine = { name: 'probe', arn: machineArn('probe'), definition: text };
  try {
    new Account(1000).deploy({ machines: [machine], functions: [] });
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

const pass = { Type: 'Pass', End: true };
const output = (Output: unknown) => definition({ A: { ...pass, Output } });

describe('a definition is refused', () => {
  test.each<[string, States, string]>([
    ['for an unknown type', { A: { Type: 'Magic', End: true } }, "got 'Magic'"],
    [
      'for an unknown field',
      { A: { ...pass, Colour: 'red' } },
      "Field 'Colour' is not supported at /States/A",
    ],
    ['for a field of JSONPath', { A: { ...pass, ResultPath: '$' } }, "Field 'ResultPath' is not supported"],
    [
      'for another type’s field',
      { A: { ...pass, TimeoutSeconds: 1 } },
      "Field 'TimeoutSeconds' is not supported",
    ],
    ['for Next and End', { A: { ...pass, Next: 'A' } }, 'Exactly one of [Next, End] is required'],
    ['for neither Next nor End', { A: { Type: 'Pass' } }, 'Exactly one of [Next, End] is required'],
    ['for End that is false', { A: { Type: 'Pass', End: false } }, 'Value should be true'],
    [
      'for a Next that is missing',
      { A: { Type: 'Pass', Next: 'B' } },
      "MISSING_TRANSITION_TARGET: Missing 'Next' target: B",
    ],
    ['for a state out of reach', { A: pass, B: pass }, "State 'B' is not reachable"],
    ['for a way without an end', { A: { Type: 'Pass', Next: 'A' } }, 'MISSING_END_STATE'],
    [
      'for Seconds and Timestamp',
      { A: { Type: 'Wait', Seconds: 1, Timestamp: '', End: true } },
      'Exactly one of [Seconds, Timestamp]',
    ],
    [
      'for a Timestamp that is none',
      { A: { Type: 'Wait', Timestamp: 'tomorrow', End: true } },
      'Timestamp must be RFC 3339',
    ],
    ['for negative Seconds', { A: { Type: 'Wait', Seconds: -1, End: true } }, 'between 0 and 99999999'],
    ['for a Choice without rules', { A: { Type: 'Choice', Choices: [] } }, 'at least one element'],
    [
      'for a Condition that is text',
      { A: { Type: 'Choice', Choices: [{ Condition: 'yes', Next: 'B' }] }, B: pass },
      'Condition must be a JSONata expression or a boolean at /States/A/Choices[0]/Condition',
    ],
    ['for a variable named states', { A: { ...pass, Assign: { states: 1 } } }, "'states' is reserved"],
    [
      'for Assign that is no object',
      { A: { ...pass, Assign: '{% 1 %}' } },
      'Expected value of type [OBJECT]',
    ],
    ['for a long state name', { ['x'.repeat(81)]: pass }, 'at most 80 characters'],
  ])('%s', (_, states, message) => {
    expect(refusal(definition(states))).toContain(message);
  });

  test('unless it is JSONata', () => {
    expect(refusal(JSON.stringify({ StartAt: 'A', States: { A: pass } }))).toContain("must be 'JSONata'");
    expect(refusal(definition({ A: { ...pass, QueryLanguage: 'JSONPath' } }))).toContain("must be 'JSONata'");
    expect(refusal(definition({ A: pass }, { QueryLanguage: 'JSONPath' }))).toContain("must be 'JSONata'");
    const each = { A: { ...pass, QueryLanguage: 'JSONata' } };
    expect(refusal(JSON.stringify({ StartAt: 'A', States: each }))).toBe('accepted');
  });

  test('with all its problems at once', () => {
    const message = refusal(definition({ A: { ...pass, X: 1, Output: '{% name %}' } }));
    expect(message).toMatch(/SCHEMA_VALIDATION_FAILED.*UNSUPPORTED_JSONATA_EXPRESSION/);
  });

  test('for text that is no JSON, and for a missing start', () => {
    expect(refusal('not a definition')).toContain('must be a valid JSON object');
    expect(refusal('{"QueryLanguage":"JSONata"}')).toContain('These fields are required: [StartAt, States]');
    expect(refusal(definition({}))).toContain('at least one state');
  });

  test('for names used twice anywhere in the machine', () => {
    const each = { Type: 'Map', ItemProcessor: { StartAt: 'A', States: { A: pass } }, End: true };
    expect(refusal(definition({ A: each }))).toContain("DUPLICATE_STATE_NAME: State name 'A'");
  });

  test('for assigning inside a Map what belongs outside', () => {
    const inner = { StartAt: 'B', States: { B: { ...pass, Assign: { n: 2 } } } };
    const states = {
      A: { Type: 'Pass', Assign: { n: 1 }, Next: 'Each' },
      Each: { Type: 'Map', Items: [1], ItemProcessor: inner, End: true },
    };
    expect(refusal(definition(states))).toContain("The variable 'n' belongs to an outer scope");
  });

  test('for a distributed Map', () => {
    const ItemProcessor = { ProcessorConfig: { Mode: 'DISTRIBUTED' }, StartAt: 'B', States: { B: pass } };
    expect(refusal(definition({ A: { Type: 'Map', ItemProcessor, End: true } }))).toContain(
      'Mode must be INLINE',
    );
  });
});

describe('a Task is refused', () => {
  test('for a resource that is not known here, with those that are', () => {
    const message = refusal(
      definition({ A: { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage', End: true } }),
    );
    expect(message).toContain(
      "'arn:aws:states:::sqs:sendMessage' is not one of [arn:aws:states:::lambda:invoke, ",
    );
    expect(message).toContain('arn:aws:states:::aws-sdk:sfn:describeExecution');
  });

  test('for an argument that the service does not have, and for one that is missing', () => {
    const message = refusal(definition({ A: invoke('f', { Arguments: { Function: 'f' }, End: true }) }));
    expect(message).toContain("Field 'Function' is not supported at /States/A/Arguments");
    expect(message).toContain('These fields are required: [FunctionName] at /States/A/Arguments');
  });

  const retrying = (...Retry: unknown[]) => refusal(definition({ A: invoke('f', { Retry, End: true }) }));

  test.each<[string, unknown[], string]>([
    ['States.ALL beside others', [{ ErrorEquals: ['States.ALL', 'X'] }], 'States.ALL must appear alone'],
    [
      'States.ALL before others',
      [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['X'] }],
      'in the last Retrier',
    ],
    [
      'a reserved name that does not exist',
      [{ ErrorEquals: ['States.TaskFaild'] }],
      "'States.TaskFaild' is not one of",
    ],
    ['a name that is none', [{ ErrorEquals: [7] }], 'Expected a list of error names'],
    ['no errors', [{ ErrorEquals: [] }], 'at least one element'],
    ['a zero interval', [{ ErrorEquals: ['X'], IntervalSeconds: 0 }], 'between 1 and'],
    ['a shrinking backoff', [{ ErrorEquals: ['X'], BackoffRate: 0.5 }], 'between 1 and'],
    ['another jitter', [{ ErrorEquals: ['X'], JitterStrategy: 'SOME' }], '[FULL, NONE]'],
    [
      'a longest delay below the first',
      [{ ErrorEquals: ['X'], IntervalSeconds: 9, MaxDelaySeconds: 5 }],
      'must be greater',
    ],
    ['an unknown field', [{ ErrorEquals: ['X'], Attempts: 5 }], "Field 'Attempts' is not supported"],
  ])('for retrying with %s', (_, retry, message) => {
    expect(retrying(...retry)).toContain(message);
  });

  test('for a catcher without a way on', () => {
    const Catch = [{ ErrorEquals: ['X'] }];
    expect(refusal(definition({ A: invoke('f', { Catch, End: true }) }))).toContain(
      'These fields are required: [Next]',
    );
  });
});

describe('an expression is refused', () => {
  test.each([
    ['{% name %}', "Reference to 'name' at the top level is not supported."],
    ['{% $map([1], function($x) { name }) %}', "Reference to 'name'"],
    ['{% $ %}', "Reference to '$' at the top level"],
    ['{% $states.input[$$.a] %}', "Reference to '$$' is not supported."],
    ['{% * %}', 'at the top level'],
    ['{% a[1,2) %}', 'INVALID_JSONATA_EXPRESSION'],
    ["{% $eval('1') %}", "'$eval' is not supported"],
    ["{% ($f := $eval; $f('1')) %}", "'$eval' is not supported"],
    ['{% $unknown(1) %}', "The function '$unknown' is not supported"],
    ['{% 1 ~> $unknown %}', "The function '$unknown' is not supported"],
    ['{% ($states := 1) %}', "'$states' is reserved"],
    ['{% $states.errorOutput %}', "'$states.errorOutput' is not supported here"],
    ['{% $states.result %}', "'$states.result' is not supported here"],
    ['{% $states.inputs %}', "'$states.inputs' is not supported here"],
    ['{% $states.input.a ?? 1 %}', "The operator '??' is not supported: AWS has JSONata 2.0.6."],
    ['{% $states.input.a[b = 1].c ?? $f ?? 1 %}', "The operator '??' is not supported"],
    ['{% $exists($x) ?? 1 %}', "The operator '??' is not supported"],
    ['{% $states.input.a ?: 1 %}', "The operator '?:' is not supported: AWS has JSONata 2.0.6."],
    ['{% $states.input.items.(%.a ?: b) %}', "The operator '?:' is not supported"],
    ['{% $exists($x) ?: 1 %}', "The operator '?:' is not supported"],
    ['{% $sum([1, -1 ?: 2]) %}', "The operator '?:' is not supported"],
    ['{% 1 + 1', 'starts with {% and ends with %}'],
    [' {% 1 + 1 %}', 'starts with {% and ends with %}'],
  ])('%s', (expression, message) => {
    expect(refusal(output(expression))).toContain(message);
  });

  test('with its place in the definition', () => {
    expect(refusal(output({ a: ['{% name %}'] }))).toContain('at /States/A/Output/a[0]');
  });

  test('where $states has no such member: errorOutput outside Catch, result before the task', () => {
    const state = invoke('f', {
      Arguments: { FunctionName: '{% $states.result %}' },
      Output: '{% $states.errorOutput %}',
      End: true,
    });
    const message = refusal(definition({ A: state }));
    expect(message).toContain('/States/A/Arguments/FunctionName');
    expect(message).toContain('/States/A/Output');
  });
});

test.each([
  '{% $states.input.items[n > 2 and $ != 1].name %}',
  '{% $states.input.items^(>price).{ "name": name } %}',
  '{% $states.input.items{ kind: $sum(price) } %}',
  '{% $map($states.input.items, function($v, $i) { $v.n + $i }) %}',
  '{% ($x := 1; $f := function($n) { $n = 0 ? 0 : $f($n - 1) }; $f($x)) %}',
  "{% $states.input ~> |items|{ 'seen': true, 'was': kind }| %}",
  '{% $states.input.name ~> $uppercase ~> $substring(?, 1) %}',
  '{% $states.input.a@$v.b#$i.{ "i": $i, "v": $v } %}',
  '{% $exists($anything) ? $anything : 0 %}',
  '{% $anything ? $anything : $anything %}',
  '{% $states.input.items.(%.a ? %.a : "a ?? b ?: c" /* ?? ?: */) %}',
  '{% -1 ? -1 : $states.input.`?:` %}',
  '{% ($a ? $a) %}',
  '{% $states.context.Execution.RedriveCount in [0, 1] %}',
  '{% $match($states.input.s, /a(b)?/).groups %}',
  '{% {"a": 1}.a %}',
])('an expression that AWS takes is taken: %s', (expression) => {
  expect(refusal(output(expression))).toBe('accepted');
});
