import { type GenericSchema, type InferOutput, safeParse } from 'valibot';

/**
 * What a function needs of its environment.
 *
 * @throws Error that names what is missing or malformed, and nothing else of the environment: Lambda logs all that hangs on an
 *   error, and an environment holds credentials.
 */
export function readEnvironment<S extends GenericSchema>(schema: S, env: NodeJS.ProcessEnv): InferOutput<S> {
  const read = safeParse(schema, env);
  if (read.success) {
    return read.output;
  }
  const missing: string[] = [];
  const malformed: string[] = [];
  for (const { path, expected, received } of read.issues) {
    const name = String(path?.[0]?.key);
    if (name in env) {
      malformed.push(`${name}: expected ${expected ?? 'another value'}, got ${received}`);
    } else {
      missing.push(name);
    }
  }
  // Whoever sees this outside of Lambda is a test, as a rule.
  const hint =
    'In Lambda the stack sets it; elsewhere, import what the handler is made from, not the handler';
  const lacks = missing.length > 0 ? [`it lacks ${missing.join(', ')}. ${hint}`] : [];
  throw new Error(`the environment of the function is wrong: ${[...malformed, ...lacks].join('; ')}`);
}
