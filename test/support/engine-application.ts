import { fileURLToPath } from 'node:url';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Application } from '../../infra/application.ts';

/** The follow-up jobs that the engine's tests declare. Each is a machine that ends at once. */
export const jobs = ['rebuild', 'report', 'newsletter', 'job', 'rebuild-employee-projections'] as const;

/** The application for whose machine the engine's tests stand in: their migrations are another for each test. */
export const engineApplication: Application = {
  migrations: [],
  handler: fileURLToPath(new URL('engine-handler.ts', import.meta.url)),
  followUps: (stack) =>
    Object.fromEntries(
      jobs.map((job) => [
        job,
        new StateMachine(stack, job, {
          stateMachineName: job,
          definitionBody: DefinitionBody.fromChainable(Pass.jsonata(stack, `End of ${job}`)),
        }),
      ]),
    ),
};
