import { executionName } from '../engine/ledger/execution-names.ts';
import { type Html, html } from './html.ts';
import type { Surface } from './surface.ts';

/** The name of an execution, as a link where there is a console. */
export function executionText(arn: string, { addressOf }: Pick<Surface, 'addressOf'>): Html {
  const name = executionName(arn);
  return addressOf
    ? html`<a href="${addressOf(arn)}" target="_blank" rel="noopener">${name}</a>`
    : html`${name}`;
}

const consoles: Readonly<Record<string, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** The address of an execution in the Step Functions console, from its ARN. */
export function consoleAddress(executionArn: string): string {
  const [, partition = 'aws', , region = ''] = executionArn.split(':');
  const host = consoles[partition] ?? consoles.aws;
  return `https://${region}.${host}/states/home?region=${region}#/v2/executions/details/${encodeURIComponent(executionArn)}`;
}
