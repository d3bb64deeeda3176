/** Everything a command may talk to. Data goes to `out`, talk to `err`; `in` answers questions. */
export interface Io {
  readonly in: NodeJS.ReadStream;
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}
