import type { StateMachine } from '../execution.ts';
import type { Action } from './action.ts';
import { arnLength } from './input.ts';

export const describeStateMachine: Action = (account, input) => {
  const machine = account.machine(input.requiredText('stateMachineArn', arnLength));
  return { ...about(machine), status: 'ACTIVE', type: 'STANDARD', creationDate: machine.creationDate };
};

export const describeStateMachineForExecution: Action = (account, input) => {
  const { machine } = account.execution(input.requiredText('executionArn', arnLength));
  return { ...about(machine), updateDate: machine.creationDate };
};

function about({ name, arn, roleArn, definition }: StateMachine): Record<string, unknown> {
  return {
    stateMachineArn: arn,
    name,
    definition,
    roleArn,
    loggingConfiguration: { level: 'OFF', includeExecutionData: false },
    tracingConfiguration: { enabled: false },
  };
}
