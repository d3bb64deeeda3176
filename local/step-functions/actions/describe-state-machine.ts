import type { StateMachine } from '../execution/state-machine.ts';
import type { Action } from './action.ts';

/** Describes a machine as it is deployed now. */
export const describeStateMachine: Action = (account, fields) => {
  const machine = account.machine(fields.arn('stateMachineArn'));
  return { ...common(machine), status: 'ACTIVE', type: 'STANDARD', creationDate: machine.creationDate };
};

/** Describes a machine as it was when an execution of it started. */
export const describeStateMachineForExecution: Action = (account, fields) => {
  const { machine } = account.execution(fields.arn('executionArn'));
  return { ...common(machine), updateDate: machine.creationDate };
};

function common({ name, arn, roleArn, definition }: StateMachine): Record<string, unknown> {
  return {
    stateMachineArn: arn,
    name,
    definition,
    roleArn,
    loggingConfiguration: { level: 'OFF', includeExecutionData: false },
    tracingConfiguration: { enabled: false },
  };
}
