import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type pg from 'pg';

/** What was measured on. */
export interface Machine {
  readonly processors: number;
  readonly model: string;
  /** In GiB. */
  readonly memory: number;
  /** How many processes wanted a processor in the last minute, on average. */
  readonly load: number;
  /** Versions. */
  readonly node: string;
  readonly postgres: string;
}

/** What this machine is, and whether others are at work on it now. */
export async function thisMachine(client: pg.Client): Promise<Machine> {
  const { rows } = await client.query<{ version: string }>(
    `SELECT current_setting('server_version') AS version`,
  );
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model.trim() || process.arch,
    memory: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? Number.NaN,
    node: process.versions.node,
    postgres: rows[0]?.version ?? 'unknown',
  };
}

/** How long the processors of this machine have been at work since it was started, all of them together, for whomever, in seconds. */
export function processorSeconds(): number {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return times.reduce((sum, each) => sum + each, 0) / 1_000;
}
