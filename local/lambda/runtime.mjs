// What runs inside a worker: Lambda's runtime for Node, small. Plain JavaScript, so that nothing but the function itself
// is loaded here: the memory measured is the function's.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import v8 from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';

const { file, exportName, functionName, functionVersion, memorySize, memory } = workerData;

/** Shared with the host, who can read it whatever happens to this worker: bytes now, and the most so far. */
const [now, peak] = [0, 1];

function measure() {
  const { total_heap_size, external_memory } = v8.getHeapStatistics();
  memory[now] = total_heap_size + external_memory;
  memory[peak] = Math.max(memory[peak], memory[now]);
}

// The heap shrinks only when a full collection finds it too large, so that 20 times a second misses little.
setInterval(measure, 50).unref();

/** As Lambda's runtime describes what was thrown. */
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

async function load() {
  let loaded;
  try {
    loaded = file.endsWith('.mjs') ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      error.name = 'Runtime.ImportModuleError';
    } else if (error instanceof SyntaxError) {
      error.name = 'Runtime.UserCodeSyntaxError';
    }
    throw error;
  }
  const handler = loaded[exportName];
  if (typeof handler !== 'function') {
    const error = new Error(`${exportName} is undefined or not exported`);
    error.name = 'Runtime.HandlerNotFound';
    throw error;
  }
  return handler;
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
  const handler = await load();
  parentPort.on('message', async (invocation) => {
    const said = await run(handler, invocation);
    measure();
    parentPort.postMessage(said);
  });
  measure();
  parentPort.postMessage({ ready: true });
} catch (error) {
  parentPort.postMessage({ error: describe(error) });
}
