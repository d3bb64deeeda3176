import { App } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import cdk from '../../cdk.json' with { type: 'json' };
import { dataMigrations } from '../../infra/data-migrations.ts';
import {
  defaultSlicesPerExecution,
  functionMemoryMegabytes,
  functionTimeoutSeconds,
} from '../../infra/deployment.ts';
import type { Synthesized } from '../../infra/synthesize.ts';
import {
  databaseFunctions,
  databaseStackOf,
  definitionOf,
  type FunctionProperties,
  fixtures,
  propertiesOf,
  resourcesOf,
  scratch,
  spelled,
  stage,
  synthesized,
} from './synthesized.ts';

const made = synthesized();
const functions = databaseFunctions(made);
/** Those that the machines invoke. */
const ofMachines = Object.fromEntries(
  Object.entries(functions).filter(([, { Environment }]) =>
    ['migrate', 'rebuild'].includes(String(Environment.Variables.POWERTOOLS_SERVICE_NAME)),
  ),
);
/** The logical id of the machine that rebuilds, whatever the CDK makes of its name. */
const [rebuildMachine = ''] = Object.entries(
  propertiesOf<{ StateMachineName: string }>(made, 'AWS::StepFunctions::StateMachine'),
).flatMap(([id, { StateMachineName }]) => (StateMachineName === 'rebuild-employee-projections' ? [id] : []));
const staging = stage('staging');
const production = stage('production');
/** The one cluster of a stage. */
const clusterOf = (from: Synthesized) =>
  Object.values(resourcesOf(databaseStackOf(from), 'AWS::RDS::DBCluster'))[0];
const versions = Object.values(resourcesOf(made, 'AWS::Lambda::Version'));

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface Policy {
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
}

/** What the roles may do: `action on resource`. */
const permissions = Object.values(propertiesOf<Policy>(made, 'AWS::IAM::Policy'))
  .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
  .flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) => [Resource].flat().map((on) => `${action} on ${spelled(on)}`)),
  );

describe('the Lambdas', () => {
  test('that work on the database are three, on arm64 and a Node runtime that the SDK goes on supporting', () => {
    expect(Object.keys(functions)).toHaveLength(3);
    for (const { Architectures, Runtime } of Object.values(functions)) {
      expect(Architectures).toEqual(['arm64']);
      expect(Number(/^nodejs(\d+)\.x$/.exec(Runtime)?.[1])).toBeGreaterThanOrEqual(22);
    }
  });

  test('have the memory and the time that the commands count with', () => {
    for (const lambda of Object.values(ofMachines)) {
      expect(lambda).toMatchObject({ MemorySize: functionMemoryMegabytes, Timeout: functionTimeoutSeconds });
    }
    const shares = Object.values(functions).map(
      ({ Environment }) => Environment.Variables.SLICES_PER_EXECUTION,
    );
    expect(shares.filter((share) => share !== undefined)).toEqual([String(defaultSlicesPerExecution)]);
  });

  test('each write to a log group of their own, which forgets after a while, and to no other', () => {
    const groups = Object.values(functions).map(({ LoggingConfig }) => LoggingConfig.LogGroup.Ref);
    expect(new Set(groups).size).toBe(3);
    for (const group of groups) {
      expect(made.template.Resources[group]?.Properties?.RetentionInDays).toBe(90);
    }
    expect(JSON.stringify(made.template)).not.toContain('AWSLambdaBasicExecutionRole');
  });

  test('promise 10: are published as versions that stay when the next is deployed, but not when their own deploy is rolled back', () => {
    expect(versions).toHaveLength(2);
    expect(versions.map(({ DeletionPolicy }) => DeletionPolicy)).toEqual(
      Array(2).fill('RetainExceptOnCreate'),
    );
  });

  test('promise 10: may be invoked in every version, so that a deploy takes nothing away from a running execution', () => {
    for (const id of Object.keys(ofMachines)) {
      expect(permissions).toContain(`lambda:InvokeFunction on <${id}.Arn>:*`);
    }
  });

  test('know their database and the share of work of one execution', () => {
    const variables = Object.values(functions).map(({ Environment }) => Environment.Variables);
    for (const each of variables) {
      expect(Object.keys(each)).toEqual(
        expect.arrayContaining(['CLUSTER_ARN', 'SECRET_ARN', 'DATABASE_NAME']),
      );
    }
    expect(variables.map(({ POWERTOOLS_SERVICE_NAME }) => POWERTOOLS_SERVICE_NAME).toSorted()).toEqual([
      'migrate',
      'progress-widget',
      'rebuild',
    ]);
    const [migrate] = variables.filter(
      ({ POWERTOOLS_SERVICE_NAME }) => POWERTOOLS_SERVICE_NAME === 'migrate',
    );
    expect(migrate?.SLICES_PER_EXECUTION).toMatch(/^\d+$/);
    expect(JSON.parse(spelled(migrate?.FOLLOW_UPS))).toEqual({
      'rebuild-employee-projections': `<${rebuildMachine}>`,
    });
  });
});

describe('the roles', () => {
  test('name what they may touch: every wildcard is one of the reasoned ones', () => {
    const reasoned = [
      /^lambda:InvokeFunction on <\w+\.Arn>:\*$/, // all versions of one function
      /^states:(DescribeExecution|GetExecutionHistory) on \S+:execution:(run-migrations|rebuild-employee-projections):\*$/, // of our machines
      /^states:StopExecution on \S+:execution:run-migrations:\*$/, // a stopped run stops its part
      /^logs:\w+ on \*$/, // log delivery has no resources
    ];
    expect(
      permissions.filter((it) => it.includes('*') && !reasoned.some((reason) => reason.test(it))),
    ).toEqual([]);
    expect(permissions.join('\n')).not.toMatch(/^\S*\*\S* on/m);
  });

  test('of the Lambdas reach the database by the operations of the Data API that they use and the secret, nothing else', () => {
    const services = new Set(permissions.map((it) => it.split(':')[0]));
    expect(services).toEqual(
      new Set(['events', 'kms', 'lambda', 'logs', 'rds-data', 'secretsmanager', 'sns', 'states']),
    );
    const onTheDatabase = permissions
      .filter((it) => it.startsWith('rds-data:'))
      .map((it) => it.split(' ')[0]);
    expect([...new Set(onTheDatabase)].toSorted()).toEqual([
      'rds-data:BeginTransaction',
      'rds-data:CommitTransaction',
      'rds-data:ExecuteStatement',
      'rds-data:RollbackTransaction',
    ]);
    const onTheSecret = permissions.filter((it) => it.startsWith('secretsmanager:'));
    expect(new Set(onTheSecret.map((it) => it.split(' ')[0]))).toEqual(
      new Set(['secretsmanager:GetSecretValue']),
    );
  });

  test('of the machines invoke versions of their function, and never what it is at the moment', () => {
    for (const id of Object.keys(functions)) {
      expect(permissions).not.toContain(`lambda:InvokeFunction on <${id}.Arn>`);
    }
  });

  test('of the machines start themselves and the follow-up jobs, and no other machine', () => {
    const startable = permissions.filter((it) => it.startsWith('states:StartExecution'));
    expect(startable).toEqual([
      expect.stringMatching(/:stateMachine:run-migrations$/),
      expect.stringMatching(new RegExp(`<${rebuildMachine}>$`)),
    ]);
  });
});

describe('the database', () => {
  test('is Aurora PostgreSQL Serverless v2 behind the Data API, encrypted and backed up', () => {
    expect(clusterOf(staging)?.Properties).toMatchObject({
      Engine: 'aurora-postgresql',
      EngineVersion: expect.stringMatching(/^17\./),
      EnableHttpEndpoint: true,
      StorageEncrypted: true,
      ManageMasterUserPassword: true,
      BackupRetentionPeriod: expect.any(Number),
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 4 },
    });
  });

  test('is in a stack of its own, so that nothing else that fails has it rolled back', () => {
    for (const one of [staging, production]) {
      const types = Object.values(one.template.Resources).map(({ Type }) => Type);
      expect(types.filter((type) => /^AWS::(RDS|EC2)::/.test(type))).toEqual([]);
      const others = Object.values(
        databaseStackOf(one).template.Resources as Synthesized['template']['Resources'],
      );
      expect(others.map(({ Type }) => Type).filter((type) => !/^AWS::(RDS|EC2)::/.test(type))).toEqual([]);
    }
  });

  test('of production resists being deleted, and leaves a snapshot; that of staging goes with its stack', () => {
    expect(clusterOf(production)).toMatchObject({
      Properties: { DeletionProtection: true },
      DeletionPolicy: 'Snapshot',
    });
    expect(clusterOf(staging)).toMatchObject({
      Properties: { DeletionProtection: false },
      DeletionPolicy: 'Delete',
    });
  });

  test('stays at the minor version that is pinned', () => {
    const instances = Object.values(resourcesOf(databaseStackOf(production), 'AWS::RDS::DBInstance'));
    expect(instances.map(({ Properties }) => Properties?.AutoMinorVersionUpgrade)).toEqual([false]);
  });

  test('is in a network that nothing enters or leaves', () => {
    for (const way of ['NatGateway', 'InternetGateway', 'Route', 'SecurityGroupIngress']) {
      expect(resourcesOf(databaseStackOf(staging), `AWS::EC2::${way}`)).toEqual({});
    }
  });

  test('stays awake in production', () => {
    expect(clusterOf(production)?.Properties?.ServerlessV2ScalingConfiguration).toMatchObject({
      MinCapacity: 1,
    });
  });

  test('takes the secret that somebody names instead of the one that RDS manages, and so do the Lambdas', () => {
    const masterSecretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:master-Ab12Cd';
    const own = stage('production', { masterSecretArn });
    expect(clusterOf(own)?.Properties).toMatchObject({
      MasterUsername: 'postgres',
      MasterUserPassword: `{{resolve:secretsmanager:${masterSecretArn}:SecretString:password::}}`,
    });
    expect(clusterOf(own)?.Properties).not.toHaveProperty('ManageMasterUserPassword');
    const lambdas = Object.values(propertiesOf<FunctionProperties>(own, 'AWS::Lambda::Function'));
    const secrets = lambdas.flatMap(({ Environment }) => Environment.Variables.SECRET_ARN ?? []);
    expect(secrets).toEqual(Array(4).fill(masterSecretArn));
  });

  test('that is there already is used as it is: no cluster, no network', () => {
    const clusterArn = 'arn:aws:rds:eu-central-1:123456789012:cluster:orders';
    const secretArn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd';
    const onExisting = synthesized({ clusterArn, secretArn, databaseName: 'orders' });
    const types = Object.values(onExisting.template.Resources).map(({ Type }) => Type);
    expect(types.filter((type) => /^AWS::(RDS|EC2)::/.test(type))).toEqual([]);
    for (const { Environment } of Object.values(databaseFunctions(onExisting))) {
      expect(Environment.Variables).toMatchObject({
        CLUSTER_ARN: clusterArn,
        SECRET_ARN: secretArn,
        DATABASE_NAME: 'orders',
      });
    }
  });
});

describe('a key of your own', () => {
  const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const decrypts = (from: Synthesized) =>
    Object.values(propertiesOf<Policy>(from, 'AWS::IAM::Policy'))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .filter(
        ({ Action, Resource }) => [Action].flat().includes('kms:Decrypt') && typeof Resource === 'string',
      );

  test('encrypts storage, secret and all logs, and the Lambdas may use it for the secret', () => {
    const encrypted = stage('staging', { keyArn });
    expect(clusterOf(encrypted)?.Properties).toMatchObject({
      StorageEncrypted: true,
      KmsKeyId: keyArn,
      MasterUserSecret: { KmsKeyId: keyArn },
    });
    const logs = Object.values(resourcesOf(encrypted, 'AWS::Logs::LogGroup'));
    expect(logs.map(({ Properties }) => Properties?.KmsKeyId)).toEqual(Array(7).fill(keyArn));
    expect(decrypts(encrypted).map(({ Resource }) => Resource)).toEqual(Array(4).fill(keyArn));
    expect(decrypts(made)).toEqual([]);
  });

  test('of a cluster that is there already may be used for its secret', () => {
    const onExisting = synthesized({
      clusterArn: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders',
      secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-Ab12Cd',
      databaseName: 'orders',
      keyArn,
    });
    expect(decrypts(onExisting).map(({ Resource }) => Resource)).toEqual(Array(4).fill(keyArn));
  });

  test('that is no key is refused', () => {
    expect(() => synthesized({ keyArn: 'alias/mine' })).toThrow(
      'The context keyArn must be arn:…:kms:REGION:ACCOUNT:key/ID, got "alias/mine"',
    );
  });
});

describe('keys and values of rows', () => {
  const shown = (from: Synthesized) =>
    Object.values(resourcesOf(from, 'AWS::Lambda::Function')).map(
      ({ Properties }) =>
        (Properties?.Environment as { Variables?: Record<string, string> } | undefined)?.Variables
          ?.SHOW_ROW_DATA,
    );

  test('promise 15: are shown only where the context says so', () => {
    expect(shown(made)).not.toContain('true');
    expect(shown(synthesized({ showRowData: 'false' }))).not.toContain('true');
    expect(shown(synthesized({ showRowData: 'true' }))).toContain('true');
    expect(() => synthesized({ showRowData: 'yes' })).toThrow('must be true or false, got "yes"');
  });
});

describe('the context', () => {
  test('that names a schema for the ledger which would need quotes is refused, saying what is allowed', () => {
    expect(() => synthesized({ ledgerSchema: 'Orders' })).toThrow(
      'got "Orders", allowed are up to 63 of a-z',
    );
  });

  test('that names a cluster without its secret is refused, saying what is missing', () => {
    expect(() => synthesized({ clusterArn: 'arn:aws:rds:eu-central-1:1:cluster:orders' })).toThrow(
      /missing: secretArn, databaseName/,
    );
  });

  test('that names an unknown stage is refused, listing the known ones', () => {
    expect(() => stage('prod')).toThrow(/no stage "prod".*staging, production/);
  });

  test('that has lost the cluster is refused, instead of making a new one', () => {
    const app = new App({ outdir: scratch(), context: { ...cdk.context, stage: 'production' } });
    expect(() => dataMigrations(app, fixtures)).toThrow(
      /Name a cluster of your own with the context clusterArn, secretArn and databaseName, or .* createDatabase=true/,
    );
    expect(app.node.children).toEqual([]);
  });

  test('that names a cluster and asks for a new one, or for a new one of no size, is refused', () => {
    const cluster = {
      clusterArn: 'arn:aws:rds:eu-central-1:1:cluster:orders',
      secretArn: 'x',
      databaseName: 'y',
    };
    expect(() => stage('staging', cluster)).toThrow('Only one of both is right');
    expect(() => synthesized({ createDatabase: 'true' })).toThrow(
      'name that, too. Stages: staging, production',
    );
    expect(() => synthesized({ createDatabase: 'yes' })).toThrow('must be true or false, got "yes"');
  });
});

describe('two stages in one account', () => {
  const named = (of: Synthesized) =>
    [of.template, databaseStackOf(of).template]
      .flatMap(({ Resources }) => Object.values(Resources as Synthesized['template']['Resources']))
      .flatMap(({ Properties = {} }) => Object.entries(Properties))
      .flatMap(([property, value]) =>
        typeof value === 'string' && /^(\w*Name|\w*Identifier)$/.test(property) && !ofNobody.has(property)
          ? [value]
          : [],
      );
  /** Names of other things than the resource, or of what is in it alone. */
  const ofNobody = new Set([
    'DBClusterParameterGroupName',
    'DatabaseName',
    'MasterUsername',
    'MetricName',
    'PolicyName',
  ]);

  test('have no name in common: machines, log groups, stacks carry the stage', () => {
    expect(named(staging)).toEqual(
      expect.arrayContaining([
        'run-migrations-staging',
        'rebuild-employee-projections-staging',
        '/aws/vendedlogs/states/run-migrations-staging',
      ]),
    );
    expect(named(staging).filter((name) => named(production).includes(name))).toEqual([]);
    expect(production.assembly.stacks.map(({ stackName }) => stackName)).toEqual([
      'data-migrations-production-database',
      'data-migrations-production',
    ]);
  });

  test('know their own jobs and their own runs', () => {
    const migrate = Object.values(propertiesOf<FunctionProperties>(production, 'AWS::Lambda::Function')).find(
      ({ Environment }) => Environment.Variables.FOLLOW_UPS !== undefined,
    );
    // The job's name is the application's, whatever the machine is called.
    expect(spelled(migrate?.Environment.Variables.FOLLOW_UPS)).toMatch(
      /^\{"rebuild-employee-projections":"<Rebuild/,
    );
    expect(JSON.stringify(definitionOf(production, 'rebuild-employee-projections-production'))).toContain(
      ':execution:run-migrations-production:',
    );
  });

  test('are told apart on the bill by one tag, which everything has that may have tags', () => {
    const tagged = (of: Synthesized) =>
      [of.template, databaseStackOf(of).template]
        .flatMap(({ Resources }) => Object.values(Resources as Synthesized['template']['Resources']))
        .filter(({ Properties }) => Properties?.Tags !== undefined)
        .map(({ Properties }) => Properties?.Tags as readonly { Key: string; Value: unknown }[]);
    for (const one of [staging, production]) {
      const installation = tagged(one).map((tags) =>
        tags.find(({ Key }) => Key === 'data-migrations:installation'),
      );
      expect(installation.length).toBeGreaterThan(12);
      expect(new Set(installation.map((tag) => tag?.Value))).toEqual(
        new Set([one === staging ? 'run-migrations-staging' : 'run-migrations-production']),
      );
    }
  });
});

test('the stack tells how to reach what it made', () => {
  expect(Object.keys(made.template.Outputs).toSorted()).toEqual([
    'ClusterArn',
    'DatabaseName',
    'MigrationsMachineArn',
    'RebuildMachineArn',
    'SecretArn',
  ]);
});
