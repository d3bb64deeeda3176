import { text } from 'node:stream/consumers';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';

// Reads a GitHub workflow on stdin, and prints what GitHub's own parser has against it, as JSON. A program of its own: the parser
// imports JSON in a way that Node 20 takes only from a loader.

const file = { name: 'workflow.yml', content: await text(process.stdin) };
const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
if (value !== undefined) {
  await convertWorkflowTemplate(context, value);
}
process.stdout.write(JSON.stringify(context.errors.getErrors().map(({ message }) => message)));
