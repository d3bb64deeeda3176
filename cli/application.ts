import type { LocalApplication } from '../local/application.ts';

// The commands name their application here, and nowhere else.

/** The migrations of this checkout, in order. */
export { migrations as registered } from '../demo/migrations/index.ts';

/** The application as it runs on this machine. Loaded only for that: it brings the CDK along, which takes a second. */
export async function localApplication(): Promise<LocalApplication> {
  const { demo } = await import('../demo/demo.ts');
  return demo;
}
