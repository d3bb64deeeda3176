#!/usr/bin/env node
// The commands are TypeScript, as all of this project: tsx lets Node read them.
import { register } from 'tsx/esm/api';

register();
await import('./migrations.ts');
