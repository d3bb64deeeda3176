import { errorCode } from '../error-code.ts';
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

/** Adds the flag for another port to the error that a taken one gives. */
async function namingFlag<T>(flag: string, port: number | undefined, starting: Promise<T>): Promise<T> {
  try {
    return await starting;
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') {
      throw error;
    }
    throw new Error(`port ${port} is taken by another program; choose another one with ${flag}`, {
      cause: error,
    });
  }
}
