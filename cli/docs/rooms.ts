import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, type InferOutput, object, optional, parse, record, string } from 'valibot';

const folders = record(
  string(),
  object({
    /** Rooms that all others of the folder may import. */
    everybodyMay: optional(array(string()), []),
    rooms: record(string(), object({ about: string(), may: array(string()) })),
  }),
);

/** What rooms.json says of the rooms of one folder. */
export type Rooms = InferOutput<typeof folders>[string];

/** What rooms.json says, folder by folder; the project itself is the folder with the name ''. */
export async function readRooms(root: string): Promise<Readonly<Record<string, Rooms>>> {
  return parse(folders, JSON.parse(await readFile(join(root, 'rooms.json'), 'utf8')));
}
