import { visible } from '../../functions/visible.ts';

/** Everything a command may talk to. Data goes to `out`, talk to `err`; `in` answers questions. */
export interface Io {
  readonly in: NodeJS.ReadStream;
  readonly out: Output;
  readonly err: Output;
  readonly env: NodeJS.ProcessEnv;
}

/** Where a command writes. What it says may come from rows, which anybody may have written: see `visible`. */
export interface Output {
  /** Writes text with its control characters made visible; in JSON that changes no value. */
  write(text: string): void;
  /** Writes text as it is into a file or a pipe, for spreadsheets; made visible where it goes to a terminal. */
  writeExactly(text: string): void;
  /** For what moves the cursor itself, such as bars: whoever draws on it makes visible what it did not write itself. */
  readonly terminal: NodeJS.WriteStream;
}

/** The output that writes to a stream. */
export function outputTo(terminal: NodeJS.WriteStream): Output {
  const write = (text: string): void => {
    terminal.write(visible(text));
  };
  return {
    write,
    writeExactly: (text) => (terminal.isTTY ? write(text) : void terminal.write(text)),
    terminal,
  };
}

/** What a process of this machine talks to. */
export function ioOf({
  stdin,
  stdout,
  stderr,
  env,
}: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>): Io {
  return { in: stdin, out: outputTo(stdout), err: outputTo(stderr), env };
}
