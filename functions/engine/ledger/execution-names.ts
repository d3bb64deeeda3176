/** The ARN of an execution, from its machine's. */
export function executionArn(stateMachineArn: string, name: string): string {
  return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
}

/** The name of an execution, from its ARN. */
export function executionName(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}

/** The name of the execution that goes on for one: of 80 characters, "-part-" and a number take up to 10. */
export function continuationName(name: string): string {
  const [, first = name, part = '1'] = /^(.*)-part-(\d+)$/.exec(name) ?? [];
  return `${first.slice(0, 70)}-part-${Number(part) + 1}`;
}
