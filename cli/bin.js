#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { register as registerRequire } from 'tsx/cjs/api';
import { register } from 'tsx/esm/api';

// Migrations are TypeScript, and so are the commands in their own repository: tsx lets Node read them.
register();
registerRequire();
const sources = new URL('migrations.ts', import.meta.url);
await import(existsSync(sources) ? sources : new URL('../dist/cli/migrations.js', import.meta.url));
