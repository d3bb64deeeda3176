import { namingFlag } from '../http/naming-flag.ts';
import { type RdsData, type RdsDataOptions, startRdsData } from '../rds-data/endpoint.ts';
import { type Sns, startSns } from '../sns/sns.ts';
import {
  type StepFunctions,
  type StepFunctionsOptions,
  startStepFunctions,
} from '../step-functions/step-functions.ts';

export interface EndpointsOptions {
  readonly rdsData: RdsDataOptions;
  readonly stepFunctions: Pick<StepFunctionsOptions, 'accessKeyId' | 'port' | 'secondMs'>;
}

export interface Endpoints {
  readonly rdsData: RdsData;
  /** Without any machine yet: machines need functions, and functions need the endpoints' URLs. */
  readonly stepFunctions: StepFunctions;
  /** Keeps what the functions tell people. */
  readonly sns: Sns;
}

/**
 * Starts all endpoints, or none.
 *
 * @throws an error that names the flag for another port, when a port is taken.
 */
export async function startEndpoints(options: EndpointsOptions): Promise<Endpoints> {
  const rdsData = await namingFlag('--rds-data-port', options.rdsData.port, startRdsData(options.rdsData));
  try {
    const starting = startStepFunctions({ ...options.stepFunctions, machines: [], functions: [] });
    const stepFunctions = await namingFlag('--sfn-port', options.stepFunctions.port, starting);
    return { rdsData, stepFunctions, sns: await startSns(options.stepFunctions.accessKeyId) };
  } catch (error) {
    await rdsData.close();
    throw error;
  }
}
