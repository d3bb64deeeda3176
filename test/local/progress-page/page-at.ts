import { PassThrough } from 'node:stream';
import { ioOf } from '../../../cli/command/io.ts';
import { showPage } from '../../../cli/local/page.ts';
import { sessionOf } from '../../../cli/local/session.ts';
import { findSystem, type System } from '../../../cli/system/system.ts';
import type { Known } from '../../../functions/engine/overview/status.ts';
import { type ProgressPage, startProgressPage } from '../../../local/progress-page/server.ts';
import { migrations } from '../../support/demo.ts';
import type { TestRuntime } from '../../support/runtime.ts';

/** The progress page of a runtime, as `npm run local` shows it. */
export interface PageAt extends ProgressPage {
  /** Another page, for other migrations of the same ledger, where nothing can be done. */
  ofMigrations(registered: readonly Known[]): Promise<ProgressPage>;
}

export async function pageAt(runtime: TestRuntime): Promise<PageAt> {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), env: {} };
  const io = ioOf(streams as unknown as NodeJS.Process);
  const system: System = await findSystem(
    io,
    { machine: 'run-migrations', local: true },
    migrations,
    sessionOf(runtime),
  );
  const page = await showPage(system);
  const others: ProgressPage[] = [];
  return {
    url: page.url,
    async ofMigrations(registered) {
      const other = await startProgressPage({
        database: await system.database(),
        statusOf: async () => undefined,
        registered,
        howToStart: 'wait',
        act: async () => 'nothing',
      });
      others.push(other);
      return other;
    },
    async close() {
      await Promise.all([page, ...others].map((each) => each.close()));
      system.close();
    },
  };
}
