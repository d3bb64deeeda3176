import { inFull } from '../functions/engine/errors.ts';
import { ioOf } from './command/io.ts';

// The SDK warns on stderr that its versions from 2027 on want Node 22; the Lambdas have that already.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

// Whoever reads our output may have read enough: `migrations list | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    throw error;
  }
});

const io = ioOf(process);
try {
  // A migration that is wrong says so when it is loaded.
  const { registered } = await import('./application.ts');
  const { operate } = await import('./operate.ts');
  process.exitCode = await operate(io, process.argv.slice(2), registered);
} catch (error) {
  io.err.write(`${inFull(error)}\n`);
  process.exitCode = 2;
}
