import type { Construct } from 'constructs';
import { flag } from '../context.ts';

/**
 * Whether machines and functions send traces to X-Ray: the context says so, `-c tracing=true`. By default they do not: a machine that loops
 * for days makes a trace of some ten thousand segments, which is paid for by each and too large to be shown.
 */
export function isTraced(scope: Construct): boolean {
  return flag(scope, 'tracing');
}
