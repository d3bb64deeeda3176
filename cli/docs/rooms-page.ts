import { type Arrow, arrowsOf, withoutShortcuts } from './arrows.ts';
import { type Import, importsOf } from './imports.ts';
import { type Rooms, readRooms } from './rooms.ts';

/** docs/how-it-works/rooms.md: the rooms of the house and of the engine, and which imports which. */
export async function roomsPage(root: string): Promise<string> {
  const [folders, imports] = await Promise.all([readRooms(root), importsOf(root)]);
  const rooms = (folder: string): Rooms => {
    const found = folders[folder];
    if (found === undefined) {
      throw new Error(`rooms.json says nothing about the folder "${folder}"`);
    }
    return found;
  };
  return `<!-- Written by \`npm run docs\` from rooms.json and from the imports as they are; do not edit. -->

# The rooms

Arrows are imports, those of types included. They go one way: [rooms.json](../../rooms.json) says which room may import which, and
\`npm run check\` refuses the rest.

## The house

${house(imports, rooms(''))}

Where only one file may import the other room, or only one may be imported, the arrow names it. Tests may import anything, and are
left out.

${table(rooms(''), '')}

## functions

${table(rooms('functions'), 'functions')}

## The engine

${engine(imports, rooms('functions/engine'))}

Where arrows already lead from one room to another, an import from the first straight into the last is not drawn. Nor are
${rooms('functions/engine').everybodyMay.map(code).join(' and ')}, which every room may import; the table leaves them out, too.

${table(rooms('functions/engine'), 'functions/engine')}
`;
}

function house(imports: readonly Import[], { rooms }: Rooms): string {
  const room = (file: string) => /^([^/]+)\//.exec(file)?.[1];
  const arrows = arrowsOf(imports, room).filter(({ from }) => from !== 'test');
  return flowchart(arrows, (arrow) => (rooms[arrow.from]?.may.includes(arrow.to) ? '' : only(arrow)));
}

function engine(imports: readonly Import[], { everybodyMay }: Rooms): string {
  const room = (file: string) => {
    const name = /^functions\/engine\/([^/]+)/.exec(file)?.[1];
    return name === undefined || everybodyMay.includes(name) ? undefined : name;
  };
  return flowchart(withoutShortcuts(arrowsOf(imports, room)), () => '');
}

/** Which file alone is at one end of an arrow. */
function only({ imports }: Arrow): string {
  const [to = '', ...others] = new Set(imports.map((each) => each.to));
  const [from = '', ...more] = new Set(imports.map((each) => each.from));
  if (others.length === 0) {
    return `only ${named(to)}`;
  }
  return more.length === 0 ? `only from ${named(from)}` : '';
}

/** A path without the room, which the arrow shows. */
const named = (file: string): string => file.slice(file.indexOf('/') + 1);

function flowchart(arrows: readonly Arrow[], label: (arrow: Arrow) => string): string {
  const lines = arrows.map((arrow) => {
    const text = label(arrow);
    return `  ${arrow.from} -->${text && `|${text}|`} ${arrow.to}`;
  });
  return ['```mermaid', 'flowchart TD', ...lines.sort(), '```'].join('\n');
}

function table({ rooms }: Rooms, folder: string): string {
  const lines = Object.entries(rooms).map(([name, { about, may }]) => {
    const path = folder === '' ? name : `${folder}/${name}`;
    return `| [${name}](../../${path}) | ${about} | ${may.join(', ') || 'nothing here'} |`;
  });
  return ['| room | what it is | may import |', '|---|---|---|', ...lines].join('\n');
}

const code = (text: string): string => `\`${text}\``;
