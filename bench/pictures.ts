import { setTimeout as sleep } from 'node:timers/promises';
import { find, ofRows, registry } from '../functions/migrate/registry.ts';
import { besideApplication } from './application.ts';
import { singleUpdate, updatesInBatches } from './baselines.ts';
import { notingBatches } from './batch-log.ts';
import { runMachine } from './chain.ts';
import { latencyPicture } from './draw/latency.ts';
import { pacePicture } from './draw/pace.ts';
import { ratePicture } from './draw/rate.ts';
import { watchingGrowth } from './growth.ts';
import { migrations } from './migrations.ts';
import type { Place } from './place.ts';
import { peopleOf } from './rounds.ts';
import { makePeople } from './tables.ts';

/** The pictures, by the names of their files. */
export type Pictures = Readonly<Record<'latency.svg' | 'rate.svg' | 'pace.svg', string>>;

/** Measures once more what the pictures show, and draws them. */
export async function takePictures(place: Place, rows: number): Promise<Pictures> {
  const { connection, client } = place;
  const { pace } = ofRows(find(registry(migrations), 'bench-people'));
  await makePeople(client, 'baseline', rows);
  const single = await watchingGrowth(connection, { table: 'baseline', rows }, () =>
    singleUpdate(client, 'baseline'),
  );
  await place.empty();
  await makePeople(client, 'bench_people', rows);
  const noted = await notingBatches(client, 'bench-people', () => runMachine(place.near));
  const beside = await feltOf(place, rows);
  return {
    'latency.svg': latencyPicture(beside),
    'rate.svg': ratePicture(noted.curve, single),
    'pace.svg': pacePicture(noted.batches, pace.targetSeconds),
  };
}

async function feltOf({ connection, client, near, empty }: Place, rows: number) {
  const waits = async (table: string, work: () => Promise<unknown>) =>
    (await besideApplication(peopleOf(connection, table, rows), work)).waits;
  await empty();
  await makePeople(client, 'bench_people', rows);
  const nothing = await waits('bench_people', () => sleep(5_000));
  const backfill = await waits('bench_people', () => runMachine(near));
  await makePeople(client, 'baseline', rows);
  const updates = await waits('baseline', () => updatesInBatches(client, 'baseline', rows));
  await makePeople(client, 'baseline', rows);
  const single = await waits('baseline', () => singleUpdate(client, 'baseline'));
  await client.query('DROP TABLE baseline');
  return [
    { what: 'Nothing runs', waits: nothing },
    { what: 'Plain UPDATEs of 5,000 rows, without a pause', waits: updates },
    { what: 'A backfill, as it is by default', waits: backfill },
    { what: 'One single UPDATE', waits: single },
  ];
}
