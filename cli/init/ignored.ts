/**
 * A .gitignore with the names of folders that it lacks; undefined where it lacks none.
 *
 * @param text What it is; undefined where there is none.
 */
export function withIgnored(text: string | undefined, folders: readonly string[]): string | undefined {
  const lines = (text ?? '').split(/\r?\n/).map((line) => line.trim());
  const missing = folders.filter((folder) => !lines.some((line) => line.replace(/^\/|\/$/g, '') === folder));
  if (missing.length === 0) {
    return undefined;
  }
  const end = text?.includes('\r\n') ? '\r\n' : '\n';
  const before = text === undefined || text === '' || text.endsWith('\n') ? (text ?? '') : `${text}${end}`;
  return before + missing.map((folder) => `${folder}/${end}`).join('');
}
