import { setTimeout as sleep } from 'node:timers/promises';
import { RDSDataClient } from '@aws-sdk/client-rds-data';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { dataApi } from '../../functions/engine/database/data-api.ts';
import { executionStatus } from '../../functions/engine/ledger/execution-status.ts';
import { startProgressPage } from '../../local/progress-page/server.ts';
import type { Runtime } from '../../local/runtime.ts';
import { migrations } from '../application/migrations.ts';

/** The progress page, as somebody reads it. */
export interface Page {
  /** Opens it, and returns what stands there, line by line: a row of a table is one line, with `·` between its cells. */
  read(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function startPage(runtime: Runtime, sfn: SFNClient): Promise<Page> {
  const pause = (seconds: number) => sleep(seconds * 1_000);
  const { rdsData, credentials, clientEnvironment, clusterArn, secretArn, databaseName } = runtime;
  const to = { endpoint: rdsData.url, region: clientEnvironment.AWS_REGION as string, credentials };
  const [client, once] = [new RDSDataClient(to), new RDSDataClient({ ...to, maxAttempts: 1 })];
  const page = await startProgressPage({
    database: dataApi({ client, once, clusterArn, secretArn, database: databaseName, sleep: pause }),
    statusOf: executionStatus(sfn, pause),
    registered: migrations,
    howToStart: 'wait for the drill',
    act: async () => 'In the drill, nobody else acts.',
  });
  return {
    read: async () => linesOf(await (await fetch(page.url)).text()),
    async close() {
      await page.close();
      client.destroy();
      once.destroy();
    },
  };
}

const cellEnd = '\t';

function linesOf(document: string): readonly string[] {
  const content = document.slice(document.indexOf('<main'), document.indexOf('</main>'));
  return content
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/<(button|thead)\b.*?<\/\1>/g, '')
    .replaceAll(/<\/?(p|tr|li|h2|summary|section)\b[^>]*>/g, '\n')
    .replaceAll(/<\/(th|td)>/g, cellEnd)
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .split('\n')
    .map((line) =>
      line
        .split(cellEnd)
        .map((cell) => cell.replaceAll(/ +/g, ' ').trim())
        .filter((cell) => cell !== '')
        .join(' · '),
    )
    .filter((line) => line !== '');
}
