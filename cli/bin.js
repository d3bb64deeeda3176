#!/usr/bin/env node
import { existsSync } from 'node:fs';

// In their own repository the commands are TypeScript, which tsx lets Node read.
const sources = new URL('migrations.ts', import.meta.url);
if (existsSync(sources)) {
  const { register } = await import('tsx/esm/api');
  register();
  await import(sources.href);
} else {
  await import('../dist/cli/migrations.js');
}
