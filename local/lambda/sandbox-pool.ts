import { Sandbox, type SandboxSpec } from './sandbox.ts';

/** The sandboxes of one function: warm ones wait for the next invocation, and a new one starts when all are busy. */
export class SandboxPool {
  readonly #spec: SandboxSpec;
  readonly #alive = new Set<Sandbox>();
  /** Warm ones; the one used last is at the end. */
  #idle: Sandbox[] = [];

  constructor(spec: SandboxSpec) {
    this.#spec = spec;
  }

  /** A sandbox for one invocation: a warm one, or else a new one that still has to load the code. */
  take(): Sandbox {
    return this.#idle.pop() ?? this.#start();
  }

  /** Keeps a sandbox for the next invocation, unless its worker has ended. */
  giveBack(sandbox: Sandbox): void {
    if (this.#alive.has(sandbox)) {
      this.#idle.push(sandbox);
    }
  }

  /** Ends all sandboxes at once, also in the middle of an invocation. */
  async kill(): Promise<void> {
    await Promise.all([...this.#alive].map((sandbox) => sandbox.kill()));
  }

  #start(): Sandbox {
    const sandbox = new Sandbox(this.#spec);
    this.#alive.add(sandbox);
    void sandbox.gone.then(() => {
      this.#alive.delete(sandbox);
      this.#idle = this.#idle.filter((each) => each !== sandbox);
    });
    return sandbox;
  }
}
