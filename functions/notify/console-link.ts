/** Where the console of each partition is. */
const consoles: Readonly<Record<string, string>> = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** The address of an execution in the Step Functions console, from its ARN. */
export function consoleLink(executionArn: string): string {
  const [, partition = 'aws', , region = ''] = executionArn.split(':');
  const host = `${region}.${consoles[partition] ?? consoles.aws}`;
  return `https://${host}/states/home?region=${region}#/v2/executions/details/${executionArn}`;
}
