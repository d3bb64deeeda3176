import { ListTagsForResourceCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Account } from '../../../local/step-functions/account.ts';
import { definition, endpoint, machineArn } from './endpoint.ts';

const quick = definition({ A: { Type: 'Pass', End: true } });
const tagged = (name: string, tags: readonly { readonly key: string; readonly value: string }[]) => ({
  machines: [{ name, arn: machineArn(name), definition: quick, tags }],
  functions: [],
});

let sfn: Awaited<ReturnType<typeof endpoint>>;
beforeAll(async () => {
  sfn = await endpoint({ plain: quick });
});
afterAll(() => sfn[Symbol.asyncDispose]());
const list = (resourceArn: string | undefined) =>
  sfn.client.send(new ListTagsForResourceCommand({ resourceArn }));

describe('ListTagsForResource', () => {
  test('answers the tags of a machine, as they were last deployed', async () => {
    expect((await list(machineArn('plain'))).tags).toEqual([]);
    sfn.deploy(tagged('tagged', [{ key: 'team', value: 'old' }]));
    const tags = [
      { key: 'team', value: 'billing' },
      { key: 'where: _./=+-@ äß', value: '' },
    ];
    sfn.deploy(tagged('tagged', tags));
    expect((await list(machineArn('tagged'))).tags).toEqual(tags);
  });

  test.each([
    [undefined, 'ValidationException'],
    ['', 'ValidationException'],
    ['nonsense', 'InvalidArn'],
    [machineArn('absent'), 'ResourceNotFound'],
    [machineArn('plain').replace('stateMachine', 'execution'), 'InvalidArn'],
  ])('refuses %j', async (arn, name) => {
    await expect(list(arn)).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
  });
});

test.each([
  ['a secret’s own exclamation mark', [{ key: 'secret', value: 'secret:rds!cluster' }], 'these symbols'],
  ['257 characters', [{ key: 'long', value: 'x'.repeat(257) }], 'has 257 characters where 0 to 256'],
  ['no key', [{ key: '', value: 'x' }], 'has 0 characters where 1 to 128'],
  ['AWS’s own prefix', [{ key: 'aws:x', value: 'x' }], 'begins with aws:'],
  [
    'a key twice',
    [
      { key: 'a', value: '1' },
      { key: 'a', value: '2' },
    ],
    'Duplicate tag keys: a',
  ],
  ['51 tags', Array.from({ length: 51 }, (_, i) => ({ key: String(i), value: '' })), 'at most 50 tags'],
])('a machine tagged with %s is not created', (_, tags, problem) => {
  const account = new Account(1000);
  expect(() => account.deploy(tagged('wrong', tags))).toThrow(problem);
  expect(account.machines).toEqual([]);
});
