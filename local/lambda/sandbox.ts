import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { answerTooLarge, type FunctionError, failed, type Outcome, payloadLimit } from './outcome.ts';

/** What a worker is started with. */
export interface SandboxSpec {
  /** The file that is loaded, outside of any checkout: only what was bundled can be found from there. */
  readonly file: string;
  readonly exportName: string;
  readonly functionName: string;
  readonly functionVersion: string;
  /** MB, as in the function's configuration. */
  readonly memorySize: number;
  /** All variables that the function sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** Takes what the function writes, line by line. */
  readonly log: (line: string) => void;
}

/** One event for the handler. */
export interface Invocation {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly arn: string;
}

type Said = { readonly ready: true } | { readonly answer: string } | { readonly error: FunctionError };

/** Why a worker ended without an answer. */
export type Death =
  | { readonly cause: 'exit'; readonly code: number }
  | { readonly cause: 'killed' | 'memory' }
  | { readonly cause: 'uncaught'; readonly error: unknown };

/** One execution environment: a worker thread that has loaded the function and runs one invocation at a time. */
export class Sandbox {
  /** Resolves to an outcome when loading the function failed; never settles if the worker dies: `gone` does. */
  readonly ready: Promise<Outcome | undefined>;
  /** Settles when the worker is gone, for whatever reason. */
  readonly gone: Promise<Death>;
  readonly #worker: Worker;
  readonly #memory = new Float64Array(new SharedArrayBuffer(16));
  #killed = false;

  constructor(spec: SandboxSpec) {
    const { environment, log, ...workerData } = spec;
    this.#worker = new Worker(new URL('./runtime.mjs', import.meta.url), {
      workerData: { ...workerData, memory: this.#memory },
      env: environment,
      execArgv: [], // none of the host's: no loaders, no inspector
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: spec.memorySize },
    });
    readLines(this.#worker.stdout, log);
    readLines(this.#worker.stderr, log);
    this.gone = this.#death();
    this.ready = this.#said().then((said) => ('error' in said ? thrown(said.error) : undefined));
  }

  /** Runs one invocation. Never settles if the worker dies: `gone` does. */
  async run(invocation: Invocation): Promise<Outcome> {
    this.#memory[peak] = this.#memory[now] ?? 0;
    this.#worker.postMessage(invocation);
    const said = await this.#said();
    if ('error' in said) {
      return thrown(said.error);
    }
    const answer = 'answer' in said ? said.answer : 'null';
    return Buffer.byteLength(answer) > payloadLimit
      ? answerTooLarge()
      : { status: 'succeeded', payload: JSON.parse(answer) };
  }

  /** Ends the worker in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#killed = true;
    await this.#worker.terminate();
  }

  /** The most bytes of heap and buffers that this worker held at a time in its last invocation. */
  get peakMemory(): number {
    return this.#memory[peak] ?? 0;
  }

  #said(): Promise<Said> {
    return new Promise((resolve) => this.#worker.once('message', resolve));
  }

  #death(): Promise<Death> {
    return new Promise((resolve) => {
      let uncaught: Death | undefined;
      this.#worker.once('error', (error: NodeJS.ErrnoException) => {
        uncaught =
          error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { cause: 'memory' } : { cause: 'uncaught', error };
      });
      this.#worker.once('exit', (code) => {
        resolve(this.#killed ? { cause: 'killed' } : (uncaught ?? { cause: 'exit', code }));
      });
    });
  }
}

const [now, peak] = [0, 1];

function thrown({ errorType, errorMessage, trace }: FunctionError): Outcome {
  return failed(errorType, errorMessage, trace);
}

function readLines(stream: Readable, log: (line: string) => void): void {
  createInterface({ input: stream }).on('line', log);
}
