import { folder } from './layout.ts';
import type { Surroundings } from './surroundings.ts';
import { app, cdkJson } from './templates/app.ts';
import { config } from './templates/config.ts';
import { example } from './templates/example.ts';
import { exampleTest } from './templates/example-test.ts';
import { handler } from './templates/handler.ts';
import { readme } from './templates/readme.ts';
import { registry } from './templates/registry.ts';
import { runnerOf } from './templates/runner.ts';
import { schema } from './templates/schema.ts';
import { tsconfig } from './templates/tsconfig.ts';

/** A file of a project: its path from the project's folder, and what is in it. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The files that a project should have, in the order in which they are written. The example comes with the registry, and its schema with the
 * config: who has deleted them does not get them again. The registry is written after its example, so that one that was interrupted goes on.
 */
export function filesFor(of: Surroundings): readonly ProjectFile[] {
  return [
    ...(of.hasRegistry
      ? []
      : [
          file('customers-full-name.ts', example()),
          file('customers-full-name.test.ts', exampleTest(runnerOf(of))),
        ]),
    file('index.ts', registry()),
    file('handler.ts', handler()),
    ...(of.hasConfig ? [] : [file('schema.sql', schema()), { path: 'migrations.config.ts', text: config() }]),
    ...(of.hasCdkApp ? [] : [file('app.ts', app()), { path: 'cdk.json', text: cdkJson() }]),
    ...(of.hasTsconfig ? [] : [{ path: 'tsconfig.json', text: tsconfig() }]),
    file('README.md', readme(of)),
  ];
}

const file = (name: string, text: string): ProjectFile => ({ path: `${folder}/${name}`, text });
