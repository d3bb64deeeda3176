import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { inject } from 'vitest';

/**
 * The folder into which a worker of vitest synthesizes. The CDK bundles into one folder only once what is the same, which takes nearly all of the
 * time of a synthesis; the last template is the one that is there.
 */
export function assemblyFolder(): string {
  return join(inject('assemblies'), `${process.pid}-${threadId}`);
}
