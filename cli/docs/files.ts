import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Fills the blocks between `<!-- file: PATH -->` and the `<!-- end -->` after it with files of the project: whole ones, or of `PATH#PART` what
 * stands between the lines `// docs: PART` and `// docs: end`. A part that is not there throws.
 */
export async function withFiles(markdown: string, root: string): Promise<string> {
  const pieces = markdown.split(/( *<!-- file: \S+ -->\n)[\s\S]*?( *<!-- end -->)/);
  const filled = pieces.map(async (piece) => {
    const [, indent = '', path, part] = /^( *)<!-- file: ([^\s#]+)(?:#(\S+))? -->/.exec(piece) ?? [];
    if (path === undefined) {
      return piece;
    }
    const text = await readFile(join(root, path), 'utf8');
    const block = `\`\`\`${path.split('.').at(-1)}\n${part === undefined ? text : partOf(text, part, path)}\`\`\`\n`;
    return piece + block.replaceAll(/^(?=.)/gm, indent);
  });
  return (await Promise.all(filled)).join('');
}

function partOf(text: string, part: string, path: string): string {
  const lines = text.split('\n');
  const begin = lines.findIndex((line) => line.trim() === `// docs: ${part}`);
  const end = lines.findIndex((line, place) => place > begin && line.trim() === '// docs: end');
  if (begin === -1 || end === -1) {
    throw new Error(
      `${path} has no part ${part}: it is what stands between // docs: ${part} and // docs: end`,
    );
  }
  const indent = (lines[begin] as string).search(/\S/);
  return lines
    .slice(begin + 1, end)
    .map((line) => `${line.slice(indent)}\n`)
    .join('');
}
