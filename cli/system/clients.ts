import { setTimeout as wait } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import { SFNClient } from '@aws-sdk/client-sfn';
import {
  type Connection,
  type Database,
  dataApi,
  waitsFor,
} from '../../functions/engine/database/data-api.ts';
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

/** Makes the clients. `waitSeconds` is how many seconds each of them waits for an answer before it tries again, or gives up. */
export function clients(
  { region, profile, session }: Place,
  waitSeconds = { sfn: 20, rdsData: 60 },
): Clients {
  const given = session
    ? { region: session.region, credentials: session.credentials }
    : { ...(region !== undefined && { region }), ...(profile !== undefined && { profile }) };
  const sfn = {
    ...given,
    ...(session && { endpoint: session.endpoints.stepFunctions }),
    requestHandler: waitsFor(waitSeconds.sfn),
  };
  const rdsData = {
    ...given,
    ...(session && { endpoint: session.endpoints.rdsData }),
    requestHandler: waitsFor(waitSeconds.rdsData),
  };
  return {
    sfn: new SFNClient(sfn),
    rdsData: new RDSDataClient(rdsData),
    rdsDataOnce: new RDSDataClient({ ...rdsData, maxAttempts: 1 }),
  };
}

/** A database, by these clients. */
export function databaseBy(
  { rdsData, rdsDataOnce }: Pick<Clients, 'rdsData' | 'rdsDataOnce'>,
  target: Pick<Connection, 'clusterArn' | 'secretArn' | 'database'>,
): Database {
  return dataApi({
    ...target,
    client: rdsData,
    once: rdsDataOnce,
    sleep: (seconds) => wait(seconds * 1000),
  });
}
