import { once } from 'node:events';
import { createServer } from 'node:net';
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data';
import { ListStateMachinesCommand } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { clients } from '../../cli/system/clients.ts';
import type { LocalSession } from '../../cli/system/session-file.ts';

it('No command waits for ever for a service that takes its call and never answers', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { readonly port: number };
  const url = `http://127.0.0.1:${port}`;
  const endpoints = { stepFunctions: url, rdsData: url };
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const session = { region: 'eu-central-1', credentials, endpoints } as LocalSession;
  const made = clients({ session }, { sfn: 0.1, rdsData: 0.1 });

  const late = { name: 'TimeoutError' };
  await expect(made.sfn.send(new ListStateMachinesCommand({}))).rejects.toMatchObject(late);
  const statement = new ExecuteStatementCommand({ resourceArn: 'arn', secretArn: 'arn', sql: 'SELECT 1' });
  await expect(made.rdsData.send(statement)).rejects.toMatchObject(late);
  await expect(made.rdsDataOnce.send(statement)).rejects.toMatchObject(late);
  silent.close();
});
