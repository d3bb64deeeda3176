import type { Integration } from '../integrations/integration.ts';
import type { Fields } from './fields.ts';
import type { Workflow } from './machine.ts';
import type { Problems } from './problems.ts';

/** What all parts of a definition have in common while it is compiled. */
export interface CompileContext {
  /** What a Task can call. */
  readonly integrations: readonly Integration[];
  readonly problems: Problems;
  /** `QueryLanguage` of the machine. */
  readonly queryLanguage: string | undefined;
  /** The names of all states so far: no two states of a machine may have the same. */
  readonly stateNames: Set<string>;
  /** Variables that belong to the workflows around this one, and may not be assigned here. */
  readonly outerVariables: ReadonlySet<string>;
  /**
   * Reads the workflow of a Map or of a branch. It is handed down, because a workflow's states may have workflows
   * again.
   */
  readonly readWorkflow: (fields: Fields, context: CompileContext) => Workflow;
}
