import type { MapState } from '../definition/machine.ts';
import { queryEvaluationError } from '../failure.ts';
import { isJsonList, type Json } from '../json.ts';
import { maxConcurrentIterations } from '../quotas.ts';
import { Branch, type RunBranch } from './branch.ts';
import { type ChildEvents, runChildren } from './run-children.ts';
import type { Visit } from './visit.ts';

/**
 * Runs an iteration for every item of an inline Map, or after a redrive for those that are not done. Returns their
 * outputs.
 */
export async function runMap(visit: Visit, state: MapState, runBranch: RunBranch): Promise<Json> {
  const { branch } = visit;
  const children = branch.children ?? (await iterations(visit, state));
  const maxConcurrency = await maxConcurrencyOf(visit, state);
  visit.record('MapStateStarted', { length: children.length });
  branch.children = children; // after the record, which throws once the execution has ended: a redrive may own the branch by then

  const events = iterationEvents(visit, children);
  try {
    await runChildren(visit, { children, maxConcurrency, events, runBranch });
  } catch (failure) {
    visit.record('MapStateFailed');
    throw failure;
  }
  visit.record('MapStateSucceeded');
  return children.map(({ output }) => output);
}

/** 0 stands for no limit, and so does a field that is left out. */
async function maxConcurrencyOf(visit: Visit, { maxConcurrency }: MapState): Promise<number> {
  const wanted = maxConcurrency ? await visit.integer(maxConcurrency, 'MaxConcurrency', 0) : 0;
  return wanted === 0 ? maxConcurrentIterations : Math.min(wanted, maxConcurrentIterations);
}

function iterationEvents({ name, execution }: Visit, children: readonly Branch[]): ChildEvents {
  const record = (child: Branch, type: string, previousEventId: number): number =>
    execution.record(type, previousEventId, { name, index: children.indexOf(child) });
  return {
    started: (child) => {
      child.lastEvent = record(child, 'MapIterationStarted', child.lastEvent);
    },
    succeeded: (child) => {
      child.lastEvent = record(child, 'MapIterationSucceeded', child.lastEvent);
    },
    ended: (child, how, previousEventId) => {
      record(child, `MapIteration${how}`, previousEventId);
    },
  };
}

async function iterations(visit: Visit, state: MapState): Promise<readonly Branch[]> {
  const items = await itemsOf(visit, state);
  const { context } = visit.branch;
  const children: Branch[] = [];
  for (const [Index, Value] of items.entries()) {
    const itemContext = { ...context, Map: { Item: { Index, Value } } };
    const input = state.itemSelector ? await visit.evaluate(state.itemSelector, {}, itemContext) : Value;
    children.push(
      new Branch({
        workflow: state.processor,
        input,
        outerVariables: visit.visibleVariables,
        context: itemContext,
      }),
    );
  }
  return children;
}

async function itemsOf(visit: Visit, { items }: MapState): Promise<readonly Json[]> {
  const value = items === undefined ? visit.input : await visit.evaluate(items);
  if (!isJsonList(value)) {
    const cause = `The value for the field 'Items' must be an array, but was ${JSON.stringify(value)}`;
    throw visit.failed(queryEvaluationError('Items', cause));
  }
  return value;
}
