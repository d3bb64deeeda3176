import type { MapState } from '../definition/machine.ts';
import { queryEvaluationError } from '../failure.ts';
import type { Json } from '../json.ts';
import { Branch } from './branch.ts';
import { runChildren } from './children.ts';
import type { Visit } from './visit.ts';

/** What AWS runs at once where `MaxConcurrency` sets no bound. */
const mostIterations = 40;

/** Runs all items of an inline Map, or after a redrive those that are not done. */
export async function runMap(visit: Visit, state: MapState): Promise<Json> {
  const { branch, name, running } = visit;
  const children = branch.children ?? (await iterations(visit, state));
  const width = state.maxConcurrency ? await visit.number(state.maxConcurrency, 'MaxConcurrency', 0) : 0;
  visit.record('MapStateStarted', { length: children.length });
  branch.children = children; // not before: a run that has been stopped must not touch what a redrive works on

  const indexOf = (child: Branch): number => children.indexOf(child);
  const tell = (child: Branch, type: string, previousEventId: number): number =>
    running.record(type, previousEventId, { name, index: indexOf(child) });
  try {
    await runChildren(visit, children, width === 0 ? mostIterations : Math.min(width, mostIterations), {
      started: (child) => {
        child.lastEvent = tell(child, 'MapIterationStarted', child.lastEvent);
      },
      succeeded: (child) => {
        child.lastEvent = tell(child, 'MapIterationSucceeded', child.lastEvent);
      },
      ended: (child, how, previousEventId) => {
        tell(child, `MapIteration${how}`, previousEventId);
      },
    });
  } catch (failure) {
    visit.record('MapStateFailed');
    throw failure;
  }
  visit.record('MapStateSucceeded');
  return children.map(({ output }) => output);
}

async function iterations(visit: Visit, state: MapState): Promise<readonly Branch[]> {
  const items = state.items === undefined ? visit.input : await visit.evaluate(state.items);
  if (!Array.isArray(items)) {
    const reason = `The value for the field 'Items' must be an array, but was ${JSON.stringify(items)}`;
    throw visit.failed(queryEvaluationError('Items', reason));
  }
  const { outer, variables, context } = visit.branch;
  const scope = { ...outer, ...variables };
  const children: Branch[] = [];
  for (const [Index, Value] of (items as readonly Json[]).entries()) {
    const inside = { ...context, Map: { Item: { Index, Value } } };
    const input = state.itemSelector ? await visit.evaluate(state.itemSelector, {}, inside) : Value;
    children.push(new Branch(state.processor, input, scope, inside));
  }
  return children;
}
