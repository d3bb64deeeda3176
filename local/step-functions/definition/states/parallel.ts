import { Fields } from '../fields.ts';
import type { ParallelState, Workflow } from '../machine.ts';
import { readErrorHandling } from '../retry-and-catch.ts';
import type { StateFields } from '../state-fields.ts';

export const parallelFields = [
  'Arguments',
  'Branches',
  ...['Next', 'End', 'Assign', 'Output', 'Retry', 'Catch'],
];
const branchFields = ['StartAt', 'States', 'Comment'];

export function readParallel(state: StateFields): ParallelState {
  state.fields.require('Branches');
  return {
    type: 'Parallel',
    arguments: state.template('Arguments'),
    branches: readBranches(state),
    ...state.nextOrEnd('after'),
    ...readErrorHandling(state),
  };
}

function readBranches({ fields, context }: StateFields): readonly Workflow[] {
  return fields.list('Branches').map((branch, i) => {
    const path = `${fields.path}/Branches[${i}]`;
    return context.readWorkflow(new Fields(branch, path, branchFields, context.problems), context);
  });
}
