import type { Deed } from '../../functions/progress-page/surface.ts';
import { type ProgressPage, startProgressPage } from '../../local/progress-page/server.ts';
import type { Io, Output } from '../command/io.ts';
import { pause } from '../pause.ts';
import { resume } from '../resume.ts';
import { stop } from '../stop.ts';
import { statusOf } from '../system/executions.ts';
import { start } from '../system/start.ts';
import { statusOfOne } from '../system/status.ts';
import type { System } from '../system/system.ts';

/** Shows the progress page of a system on this machine. Its buttons do what the commands of their names do. */
export async function showPage(system: System, port?: number): Promise<ProgressPage> {
  return startProgressPage({
    database: await system.database(),
    statusOf: (arn) => statusOf(system, arn),
    registered: system.registered,
    howToStart: `type in another terminal: ${system.command('start')}`,
    act: (deed, migration) => act(system, deed, migration),
    ...(port !== undefined && { port }),
  });
}

/** Does it, and returns what the command says. */
async function act(system: System, deed: Deed, migration: string | undefined): Promise<string> {
  const said: string[] = [];
  const heard: System = { ...system, io: hearing(system.io, said) };
  const names = migration === undefined ? [] : [migration];
  switch (deed) {
    case 'stop':
      await stop.run(heard, {}, ...names);
      break;
    case 'pause':
      await pause.run(heard, {}, ...names);
      break;
    case 'resume':
      await resume.run(heard, {}, ...names);
      break;
    case 'retry':
      // The command waits for its end, which the page shows.
      said.push(await retry(system, migration ?? ''));
      break;
  }
  return said.join('').trim();
}

async function retry(system: System, migration: string): Promise<string> {
  await statusOfOne(system, migration); // throws for a name that nobody knows
  return `started ${await start(system, { retry: migration })}`;
}

function hearing(io: Io, said: string[]): Io {
  const hear = ({ terminal }: Output): Output => {
    const write = (text: string): void => void said.push(text);
    return { write, writeExactly: write, terminal };
  };
  return { ...io, out: hear(io.out), err: hear(io.err) };
}
