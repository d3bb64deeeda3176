/** Region and account of `arn:partition:service:region:account:resource`; empty where the ARN has none. */
export function parseArn(arn: string): { readonly region: string; readonly account: string } {
  const [, , , region = '', account = ''] = arn.split(':');
  return { region, account };
}
