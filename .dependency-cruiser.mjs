import { readFileSync } from 'node:fs';

// Who may import whom stands in rooms.json, folder by folder. What a room does not name there is refused, and it may only name
// rooms that stand before it: so there is no circle of rooms.
const folders = JSON.parse(readFileSync(new URL('rooms.json', import.meta.url), 'utf8'));

/** A pattern for a room: all that is in its folder, or the one file that it is. */
const room = (path) => `^${path.replaceAll('.', '\\.')}(/|$)`;

function rulesOf([folder, { rooms, everybodyMay = [] }]) {
  const path = (name) => (folder === '' ? name : `${folder}/${name}`);
  const names = Object.keys(rooms);
  // At the top, rooms are folders: package.json and the like are anybody's.
  const neighbours = { path: folder === '' ? '^[^/]+/' : `^${path('')}`, dependencyTypes: ['local'] };

  const rules = Object.entries(rooms).map(([name, { may }], place) => {
    const later = may.filter((other) => !names.slice(0, place).includes(other.split('/')[0]));
    if (later.length > 0) {
      throw new Error(`rooms.json: ${path(name)} may name rooms that stand before it, but not ${later}.`);
    }
    return {
      name: path(name),
      comment: `rooms.json lets it import ${[...may, ...everybodyMay].join(', ') || 'no other room'}.`,
      severity: 'error',
      // A file that has a line of its own goes by that one.
      from: {
        path: room(path(name)),
        pathNot: names
          .filter((other) => other.startsWith(`${name}/`))
          .map(path)
          .map(room),
      },
      to: { ...neighbours, pathNot: [name, ...may, ...everybodyMay].map(path).map(room) },
    };
  });
  const unknown = { path: neighbours.path, pathNot: names.map(path).map(room) };
  const unknownRoom = {
    name: 'not in rooms.json',
    comment: `A new room of ${folder || 'the house'} needs a line in rooms.json: what it is, and what it may import.`,
    severity: 'error',
  };
  return [
    ...rules,
    { ...unknownRoom, from: unknown, to: neighbours },
    { ...unknownRoom, from: {}, to: { ...unknown, dependencyTypes: ['local'] } },
  ];
}

export default {
  forbidden: Object.entries(folders).flatMap(rulesOf),
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true, // imports of types count, too
    // The examples are projects of their own, which have the package from outside.
    exclude: { path: ['node_modules', '^examples/', '^dist/', '^\\.local/', '^cdk\\.out/', '^coverage/'] },
  },
};
