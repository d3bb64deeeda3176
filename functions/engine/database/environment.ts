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
  const problems = read.issues.map(({ path, expected, received }) => {
    const [variable] = path ?? [];
    return `${String(variable?.key)}: expected ${expected ?? 'another value'}, got ${received}`;
  });
  throw new Error(`the environment of the function is wrong: ${problems.join('; ')}`);
}
