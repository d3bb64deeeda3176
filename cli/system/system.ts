import { ListTagsForResourceCommand, paginateListStateMachines, type SFNClient } from '@aws-sdk/client-sfn';
import type { Database } from '../../functions/engine/database/data-api.ts';
import { closest } from '../../functions/engine/define/closest.ts';
import type { Migration } from '../../functions/engine/define/migration.ts';
import { type Registered, registered } from '../../functions/engine/define/registered.ts';
import { useSchema } from '../../functions/engine/ledger/names.ts';
import { defaultMachineName } from '../../infra/deployment.ts';
import { arnFromTag, databaseTags } from '../../infra/tags.ts';
import type { Io } from '../command/io.ts';
import { Misuse } from '../command/misuse.ts';
import { type Clients, clients, databaseBy } from './clients.ts';
import { type LocalSession, readSession } from './session-file.ts';

/** The deployed system, as the commands work with it. */
export interface System {
  readonly io: Io;
  readonly sfn: SFNClient;
  /** The state machine that runs the migrations. */
  readonly machineArn: string;
  /** The database with the ledger, found by the machine's tags. Throws for a machine that was deployed without them. */
  readonly database: () => Promise<Database>;
  /** The migrations of this checkout, in order. */
  readonly registered: readonly Registered[];
  /** How to say another command, as this one was said: `npx migrations watch --local`. */
  readonly command: (rest: string) => string;
  close(): void;
}

/** What every command takes, to find the system. */
export interface WhereOptions {
  readonly local?: boolean;
  readonly machine: string;
  readonly region?: string;
  readonly profile?: string;
}

/** Finds the system in AWS, or with `local` the one of a session on this machine: by default what `npx migrations local` runs. */
export async function findSystem(
  io: Io,
  where: WhereOptions,
  migrations: readonly Migration[],
  session: LocalSession | undefined = where.local ? readSession(io.env) : undefined,
): Promise<System> {
  const made = clients({ region: where.region, profile: where.profile, session });
  const { sfn } = made;
  const machineArn = await findMachine(sfn, where.machine).catch((error: unknown) => {
    throw unreachable(error, session?.endpoints.stepFunctions);
  });
  let database: Promise<Database> | undefined;
  const flags = [
    where.local && '--local',
    where.machine !== defaultMachineName && `--machine ${where.machine}`,
    where.region && `--region ${where.region}`,
    where.profile && `--profile ${where.profile}`,
  ].filter((flag) => typeof flag === 'string');
  return {
    io,
    sfn,
    machineArn,
    database: () => (database ??= findDatabase(made, machineArn)),
    registered: migrations.map(registered),
    command: (rest) => ['npx migrations', rest, ...flags].join(' '),
    close: () => {
      for (const client of Object.values(made)) {
        client.destroy();
      }
    },
  };
}

async function findMachine(sfn: SFNClient, name: string): Promise<string> {
  const names: string[] = [];
  for await (const { stateMachines = [] } of paginateListStateMachines({ client: sfn }, {})) {
    const found = stateMachines.find((machine) => machine.name === name);
    if (found?.stateMachineArn !== undefined) {
      return found.stateMachineArn;
    }
    names.push(...stateMachines.map((machine) => machine.name ?? ''));
  }
  const suggestion = closest(name, names);
  throw new Misuse(
    `no state machine is called ${name} in ${await sfn.config.region()}` +
      `${suggestion === undefined ? '.' : `; did you mean --machine ${suggestion}?`} ` +
      `There are: ${names.join(', ') || 'none'}`,
  );
}

async function findDatabase(made: Clients, machineArn: string): Promise<Database> {
  const { tags = [] } = await made.sfn.send(new ListTagsForResourceCommand({ resourceArn: machineArn }));
  const tagged = (key: string) => tags.find((each) => each.key === key)?.value;
  const tag = (key: string): string => {
    const value = tagged(key);
    if (value !== undefined) {
      return value;
    }
    throw new Error(
      `${machineArn} has no tag ${key}, so its database cannot be found: it was deployed by a release before this ` +
        'command. Deploy this one, and try again',
    );
  };
  useSchema(tagged(databaseTags.ledgerSchema));
  return databaseBy(made, {
    clusterArn: arnFromTag(tag(databaseTags.clusterArn)),
    secretArn: arnFromTag(tag(databaseTags.secretArn)),
    database: tag(databaseTags.databaseName),
  });
}

/** What to do about an endpoint that does not answer, or cannot be asked. */
function unreachable(error: unknown, local: string | undefined): unknown {
  if (error instanceof Misuse || !(error instanceof Error)) {
    return error;
  }
  if (local !== undefined) {
    return new Error(
      `nothing answers at ${local} any more (${error.message || error.name}). Start it again in another terminal: npx migrations local`,
      { cause: error },
    );
  }
  if (
    /^Region is missing$|credentials/i.test(`${error.message}`) ||
    error.name === 'CredentialsProviderError'
  ) {
    return new Error(
      `${error.message}. Give AWS_PROFILE or --profile, AWS_REGION or --region; or --local, for what npx migrations local runs`,
      { cause: error },
    );
  }
  return error;
}
