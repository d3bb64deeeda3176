// What the commands and the local runtime have to know of a deployed stack. No imports: they read it without the CDK.

/** The state machine that runs the migrations, unless a stack names it otherwise. */
export const defaultMachineName = 'run-migrations';

/** The name that a machine has in a stage, so that two stages fit into one account: `run-migrations-production`. */
export function machineNameIn(stage: string | undefined, name: string = defaultMachineName): string {
  return stage === undefined ? name : `${name}-${stage}`;
}

/**
 * Slices after which a run goes on in another execution, unless a stack says otherwise. AWS ends an execution at 25,000
 * events. A slice takes at most 9 of them, and 3 more for each of 16 retries: 300 × (9 + 48) = 17,100. The others are left to
 * the states around the slices.
 */
export const defaultSlicesPerExecution = 300;

/**
 * How long one invocation of a function may take, in seconds: four minutes of batches, and one for a batch that runs into
 * the Data API's limit of 45 s, and for the answer. It is a third of what Lambda allows, so that the last slice of a stopped
 * execution ends soon.
 */
export const functionTimeoutSeconds = 300;

/**
 * The memory of a function, in MB. Memory buys CPU, and the functions mostly wait for the database: 512 MB come with a third
 * of a core, which is enough to parse and transform pages of 1 MiB.
 */
export const functionMemoryMegabytes = 512;

/** The names under which a stack outputs how to reach what it made. */
export const stackOutputs = {
  machineArn: 'MigrationsMachineArn',
  clusterArn: 'ClusterArn',
  secretArn: 'SecretArn',
  databaseName: 'DatabaseName',
} as const;
