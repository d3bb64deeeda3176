import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { synthesize } from '../../infra/synthesize.ts';
import { demoApplication } from '../support/demo.ts';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

// Assets are named by the hash of what is in them, which another checkout of the same files must come to, too.
test('what is deployed has no path of the machine that made it, so that cdk diff of an unchanged checkout is empty on another', () => {
  mkdirSync(join(checkout, '.local'), { recursive: true });
  // In the checkout, as cdk.out is: source maps have the way from there to the sources.
  const outdir = mkdtempSync(join(checkout, '.local', 'unchanged-'));
  try {
    const { template } = synthesize({ outdir, application: demoApplication() });
    const bundles = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /^asset\.\w+\/index\.\w+(\.map)?$/.test(file),
    );
    expect(bundles).toHaveLength(10);
    const path = relative('/', checkout);
    const namesIt = bundles.filter((file) => readFileSync(join(outdir, file), 'utf8').includes(path));
    expect(namesIt).toEqual([]);
    expect(JSON.stringify(template)).not.toContain(path);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
});
