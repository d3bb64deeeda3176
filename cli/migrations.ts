import { ioOf } from './command/io.ts';
import { operate } from './operate.ts';
import { loadProject } from './project.ts';

// The SDK warns on stderr that its versions from 2027 on want Node 22; the Lambdas have that already.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

// Whoever reads our output may have read enough: `migrations list | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    throw error;
  }
});

process.exitCode = await operate(ioOf(process), process.argv.slice(2), async () => {
  const { config } = await loadProject();
  return config.migrations;
});
