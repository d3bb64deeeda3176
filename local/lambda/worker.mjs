// What runs inside a sandbox: a small version of Lambda's runtime for Node. It is plain JavaScript, so that the
// thread loads only this and the function, and the memory that is measured is the function's.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import v8 from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';

const { file, exportName, functionName, functionVersion, memorySize, memory } = workerData;

/** Positions in `memory`, which the host can read even after this worker has died. The same as in sandbox.ts. */
const [inUse, peak] = [0, 1];

/** The heap shrinks only when a full collection finds it too large, so looking 20 times a second misses little. */
const measureEveryMs = 50;

function measure() {
  const { total_heap_size, external_memory } = v8.getHeapStatistics();
  memory[inUse] = total_heap_size + external_memory;
  memory[peak] = Math.max(memory[peak], memory[inUse]);
}

setInterval(measure, measureEveryMs).unref();

/** Describes what was thrown as Lambda's runtime does. */
function describe(error) {
  return error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

process.on('unhandledRejection', (reason) => {
  const error = new Error(String(reason), { cause: reason });
  error.name = 'Runtime.UnhandledPromiseRejection';
  throw error;
});

/** Loads the code and returns the handler. Errors get the names that Lambda gives them. */
async function loadHandler() {
  const handler = (await loadModule())[exportName];
  if (typeof handler !== 'function') {
    const error = new Error(`${exportName} is undefined or not exported`);
    error.name = 'Runtime.HandlerNotFound';
    throw error;
  }
  return handler;
}

async function loadModule() {
  try {
    return file.endsWith('.mjs') ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      error.name = 'Runtime.ImportModuleError';
    } else if (error instanceof SyntaxError) {
      error.name = 'Runtime.UserCodeSyntaxError';
    }
    throw error;
  }
}

async function run(handler, { requestId, payload, deadline, arn }) {
  const context = {
    awsRequestId: requestId,
    functionName,
    functionVersion,
    invokedFunctionArn: arn,
    memoryLimitInMB: String(memorySize),
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  try {
    const answer = await handler(JSON.parse(payload), context);
    return { answer: JSON.stringify(answer ?? null) };
  } catch (error) {
    return { error: describe(error) };
  }
}

try {
  const handler = await loadHandler();
  parentPort.on('message', async (invocation) => {
    const message = await run(handler, invocation);
    measure();
    parentPort.postMessage(message);
  });
  measure();
  parentPort.postMessage({ ready: true });
} catch (error) {
  parentPort.postMessage({ error: describe(error) });
}
