import { isJsonList } from '../../json.ts';
import { maxInteger } from '../../quotas.ts';
import { Fields } from '../fields.ts';
import { isExpression, type Template } from '../jsonata/template.ts';
import type { MapState, Workflow } from '../machine.ts';
import { readErrorHandling } from '../retry-and-catch.ts';
import type { StateFields } from '../state-fields.ts';

export const mapFields = [
  'Items',
  'ItemSelector',
  'MaxConcurrency',
  'ItemProcessor',
  ...['Next', 'End', 'Assign', 'Output', 'Retry', 'Catch'],
];
const processorFields = ['StartAt', 'States', 'ProcessorConfig', 'Comment'];

export function readMap(state: StateFields): MapState {
  state.fields.require('ItemProcessor');
  return {
    type: 'Map',
    processor: readProcessor(state),
    items: readItems(state),
    itemSelector: state.template('ItemSelector'),
    maxConcurrency: state.integer('MaxConcurrency', { min: 0, max: maxInteger }),
    ...state.nextOrEnd('after'),
    ...readErrorHandling(state),
  };
}

function readProcessor({ fields, context }: StateFields): Workflow {
  const { problems, readWorkflow } = context;
  const path = `${fields.path}/ItemProcessor`;
  const processor = new Fields(fields.value('ItemProcessor'), path, processorFields, problems);
  if (processor.has('ProcessorConfig')) {
    const config = new Fields(
      processor.value('ProcessorConfig'),
      `${path}/ProcessorConfig`,
      ['Mode'],
      problems,
    );
    if (config.string('Mode') !== 'INLINE') {
      problems.schema('Only inline Maps are interpreted here: Mode must be INLINE', config.path);
    }
  }
  return readWorkflow(processor, context);
}

function readItems(state: StateFields): Template | undefined {
  const items = state.fields.value('Items');
  if (items !== undefined && !isJsonList(items) && !isExpression(items)) {
    state.problem('Items must be a list or a JSONata expression', 'Items');
  }
  return state.template('Items');
}
