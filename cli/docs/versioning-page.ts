import { ErrorName } from '../../functions/contract.ts';
import { currentVersion, versions } from '../../functions/engine/ledger/versions.ts';
import { namespace } from '../../functions/metrics.ts';
import { inputKeys } from '../../functions/migrate/open.ts';
import { stackOutputs } from '../../infra/deployment.ts';
import { commandExits } from '../operate.ts';
import { contextKeys, fieldsOf, packageExports } from './declared.ts';

/** Where options are declared, and whose they are. */
const options = [
  ['every migration', 'functions/engine/define/migration.ts', 'Options'],
  ['`backfill` and `rewrite`', 'functions/engine/define/migration.ts', 'RowOptions'],
  ['their `pace`', 'functions/engine/define/migration.ts', 'PaceOptions'],
  ['`backfill`', 'functions/engine/batch/backfill.ts', 'BackfillOptions'],
  ['`rewrite`', 'functions/engine/batch/rewrite.ts', 'RewriteOptions'],
  ['`alterTables`', 'functions/engine/alter/alter-tables.ts', 'AlterOptions'],
  ['a `window`', 'functions/engine/time/maintenance-window.ts', 'WindowOptions'],
] as const;

/** What a result map says, and which interface of the contract has its fields. */
const results = [
  ['a migration that ran', 'Counters'],
  ['how far one is that is not done', 'Progress'],
  ['`"state": "background"`, beside how far it is', 'Background'],
  ['`"state": "paused"`, beside how far it is', 'Paused'],
  ['`"state": "left unfinished"`, beside how far it is', 'LeftUnfinished'],
  ['each of `validations`', 'ValidationResult'],
] as const;

/** docs/versioning.md: what semantic versioning covers, with lists from the code that they are of. */
export async function versioningPage(_: string, root: string): Promise<string> {
  const optionLines = options.map(
    async ([of, path, name]) => `| ${of} | ${code(await fieldsOf(root, path, name))} |`,
  );
  const importLines = (await packageExports(root)).map(
    ({ entry, path, names }) => `| [\`${entry}\`](../${path}) | ${code(names)} |`,
  );
  const resultLines = results.map(
    async ([of, name]) => `| ${of} | ${code(await fieldsOf(root, 'functions/contract.ts', name))} |`,
  );
  return `<!-- Written by \`npm run docs\` from the code that it is about; do not edit. -->

# What a version promises

Versions are [semantic](https://semver.org). Of what this page lists, a *major* version may take away or change something, a *minor* one only adds,
a *patch* does neither. Before 1.0 a minor version stands for a major one. The [changelog](../CHANGELOG.md) says what to do where something is taken away.

| covered | adds | breaks |
|---|---|---|
| [options of migrations](#options-of-migrations) | an option that may be left out; a value that an option may have | a name, a default that changes which rows are changed or how, a value that is refused |
| [exports](#exports) | a name; a parameter that may be left out | a name, a type that code which compiled does not fit |
| [input](#input-of-a-run) | a key | a key, a value that is refused, what \`{}\` does |
| [result map](#result-map) | a key of an entry; a \`state\` of something new that a run may do | a key, what it counts |
| [error names](#error-names) | a name for what could not happen before | a name, when it is thrown |
| [commands](#commands-and-exit-codes) | a command, a flag, a field in \`--json\` | any of them, an exit code |
| [metrics](metrics.md) | a metric | a name, unit or dimension, the namespace \`${namespace}\` |
| [context and outputs](#context-and-outputs-of-the-stack) | a key that may be left out | a key, a default |
| deploying over what is there | | a database, log group, topic or machine that a deploy replaces; a run under way that cannot go on |
| [ledger](#versions-of-the-ledger) | a compatible version | a breaking one |

Not covered, and changed in any version: texts of errors, logs, notices, help and the page (the fields of log lines in [metrics](metrics.md#in-the-log) are
added to); names of states and logical IDs; alarms' thresholds; how large batches are, how many calls a run makes, what it costs; the tables of the
ledger, for who reads them with SQL; what files export that no entry of the package hands on; local endpoints, drill and bench.

## Options of migrations

| of | options |
|---|---|
${await lines(optionLines)}

What a migration without an option does is covered as well: which rows it finds, that each is changed once, that what is committed stays.
How fast it is, is not.

## Exports

| from | |
|---|---|
${importLines.join('\n')}

With their types they are in [api](api).

## Input of a run

${code(inputKeys)}. An input that is not known is refused, so a new key is no danger to those who do not send it.

## Result map

One key for each registered migration, and \`next_jobs\` and \`next_executions\` where follow-up jobs are started; \`"skipped"\` where there was nothing to
do. A run that was asked for one thing answers with \`total_updated\` and \`errors\` (retry), \`validations\`, \`restored\` and \`left\`, or
\`cleaned_up\`. Take no key for the last one that there will be.

| of | fields |
|---|---|
${await lines(resultLines)}

## Error names

${code(Object.values(ErrorName))}. What each means and what to do is in the [runbook](runbook.md).

## Commands and exit codes

| \`npx migrations\` | 0 | 1 | 2 |
|---|---|---|---|
${[...commandExits].map(([usage, exits]) => `| \`${usage}\` | ${exits.join(' | ')} |`).join('\n')}

Those that wait exit with 130 when Ctrl-C ends the waiting; what they wait for goes on.

## Context and outputs of the stack

Context: ${code(await contextKeys(root))}. Outputs: ${code(Object.values(stackOutputs))}.

## Versions of the ledger

Each release brings the ledger up to its own version, at its first start. One that is rolled back to goes on with it if all versions that it does not know
are compatible, and otherwise refuses it: [the decision](decisions/10-compatible-ledger-versions.md). A major version may come with a breaking
one, a minor version only with compatible ones. It is ${currentVersion} now.

| version | adds | |
|---|---|---|
${versions()
  .map(({ adds, kind }, i) => `| ${i + 1} | ${adds} | ${kind} |`)
  .join('\n')}
`;
}

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const lines = async (each: readonly Promise<string>[]): Promise<string> =>
  (await Promise.all(each)).join('\n');
