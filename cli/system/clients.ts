import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { LocalSession } from './session-file.ts';

/** The clients of the two services: all that differs between AWS and this machine. */
export interface Clients {
  readonly sfn: SFNClient;
  readonly rdsData: RDSDataClient;
  /** Makes one request of a call: for what must not arrive twice. */
  readonly rdsDataOnce: RDSDataClient;
}

/** Where the clients go: as the SDK finds out by itself, unless it is said here. */
export interface Place {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly session?: LocalSession | undefined;
}

export function clients({ region, profile, session }: Place): Clients {
  const given = session
    ? { region: session.region, credentials: session.credentials }
    : { ...(region !== undefined && { region }), ...(profile !== undefined && { profile }) };
  const sfn = session ? { endpoint: session.endpoints.stepFunctions } : {};
  const rdsData = {
    ...given,
    ...(session && { endpoint: session.endpoints.rdsData }),
    // Sockets outlast a statement: 45 s is the Data API's limit, after 60 s the answer is lost.
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  };
  return {
    sfn: new SFNClient({ ...given, ...sfn }),
    rdsData: new RDSDataClient(rdsData),
    rdsDataOnce: new RDSDataClient({ ...rdsData, maxAttempts: 1 }),
  };
}
