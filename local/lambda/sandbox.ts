import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { errorCode } from '../error-code.ts';
import { answerTooLarge, type FunctionError, failed, type Outcome } from './outcome.ts';
import { maxPayloadBytes } from './quotas.ts';

/** What a sandbox is started with. */
export interface SandboxSpec {
  /** The file that exports the handler, outside of any checkout, so that it finds only what was bundled. */
  readonly file: string;
  readonly exportName: string;
  readonly functionName: string;
  readonly functionVersion: string;
  /** Memory in MB: the largest heap that the function may have. */
  readonly memorySize: number;
  /** All variables that the function sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the function writes, line by line. */
  readonly log: (line: string) => void;
}

/** One event for the handler. */
export interface Invocation {
  readonly requestId: string;
  /** The event as JSON. */
  readonly payload: string;
  /** When the function's time is up, in milliseconds since 1970. */
  readonly deadline: number;
  /** The ARN that the caller named, maybe with a version. */
  readonly arn: string;
}

/** Why a worker ended. */
export type WorkerEnd =
  | { readonly cause: 'exit'; readonly code: number }
  | { readonly cause: 'killed' | 'memory' }
  | { readonly cause: 'uncaught'; readonly error: unknown };

/** What a worker sends: that it has loaded the code, a handler's answer as JSON, or an error of either. */
type Message = { readonly ready: true } | { readonly answer: string } | { readonly error: FunctionError };

/** Positions in the memory that worker and host share: bytes in use, and the most since the invocation began. */
const [inUse, peak] = [0, 1];

/** A `Float64Array` of two numbers. */
const sharedBytes = 16;

/**
 * What Lambda calls an execution environment, and a sandbox in its errors: a worker thread that has loaded the
 * function and runs one invocation at a time.
 */
export class Sandbox {
  /**
   * Resolves when the code is loaded, to undefined, or to the outcome that loading failed with. It never settles when
   * the worker dies: wait for `gone` as well.
   */
  readonly ready: Promise<Outcome | undefined>;
  /** Resolves when the worker has ended, for whatever reason. */
  readonly gone: Promise<WorkerEnd>;
  readonly #worker: Worker;
  readonly #memory = new Float64Array(new SharedArrayBuffer(sharedBytes));
  #killed = false;

  constructor(spec: SandboxSpec) {
    const { environment, log, ...workerData } = spec;
    this.#worker = new Worker(new URL('./worker.mjs', import.meta.url), {
      workerData: { ...workerData, memory: this.#memory },
      env: environment,
      execArgv: [], // no loaders and no inspector of this process
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: spec.memorySize },
    });
    logLines(this.#worker.stdout, log);
    logLines(this.#worker.stderr, log);
    this.gone = this.#end();
    this.ready = this.#nextMessage().then((message) =>
      'error' in message ? thrown(message.error) : undefined,
    );
  }

  /** Runs one invocation. The promise never settles when the worker dies: wait for `gone` as well. */
  async run(invocation: Invocation): Promise<Outcome> {
    this.#memory[peak] = this.#memory[inUse] ?? 0;
    this.#worker.postMessage(invocation);
    const message = await this.#nextMessage();
    if ('error' in message) {
      return thrown(message.error);
    }
    const answer = 'answer' in message ? message.answer : 'null';
    return Buffer.byteLength(answer) > maxPayloadBytes
      ? answerTooLarge()
      : { status: 'succeeded', payload: JSON.parse(answer) };
  }

  /** Ends the worker at once, whatever it does. */
  async kill(): Promise<void> {
    this.#killed = true;
    await this.#worker.terminate();
  }

  /** The most bytes of heap and buffers that this worker held at a time during its last invocation. */
  get peakMemory(): number {
    return this.#memory[peak] ?? 0;
  }

  #nextMessage(): Promise<Message> {
    return new Promise((resolve) => this.#worker.once('message', resolve));
  }

  #end(): Promise<WorkerEnd> {
    return new Promise((resolve) => {
      let crash: WorkerEnd | undefined;
      this.#worker.once('error', (error) => {
        const isMemory = errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY';
        crash = isMemory ? { cause: 'memory' } : { cause: 'uncaught', error };
      });
      this.#worker.once('exit', (code) => {
        resolve(this.#killed ? { cause: 'killed' } : (crash ?? { cause: 'exit', code }));
      });
    });
  }
}

function thrown({ errorType, errorMessage, trace }: FunctionError): Outcome {
  return failed(errorType, errorMessage, trace);
}

function logLines(stream: Readable, log: (line: string) => void): void {
  createInterface({ input: stream }).on('line', log);
}
