/** Where the runbook is, unless a stack says otherwise: in the repository that it was deployed from. */
const runbookPath = 'docs/runbook.md';

/** The address of a section of the runbook, by its heading: the name of an alarm, or of an error. */
export function runbookSection(heading: string, url = runbookPath): string {
  return `${url}#${heading.toLowerCase()}`;
}
