import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The folder with the samples of pipelines. */
export const folder = fileURLToPath(new URL('../../docs/pipelines/', import.meta.url));

/** A sample as it is written. */
export const sample = (name: string): string => readFileSync(`${folder}${name}`, 'utf8');

interface Step {
  readonly run?: string;
  readonly if?: string;
}

/** What the jobs of the GitHub workflow run, by the job's name. */
export function githubScripts(): Readonly<Record<string, readonly string[]>> {
  const { jobs }: { jobs: Record<string, { steps: Step[] }> } = parse(sample('github-actions.yml'));
  return Object.fromEntries(
    Object.entries(jobs).map(([job, { steps }]) => [job, steps.flatMap(({ run }) => run ?? [])]),
  );
}

/** What the jobs of the GitLab pipeline run, by the job's name. */
export function gitlabScripts(): Readonly<Record<string, readonly string[]>> {
  const jobs: Record<string, { script?: string[] }> = parse(sample('gitlab-ci.yml'));
  return Object.fromEntries(
    Object.entries(jobs).flatMap(([job, { script }]) => (script ? [[job, script]] : [])),
  );
}
