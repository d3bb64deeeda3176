import type { System } from '../system/system.ts';
import type { Io } from './io.ts';

/** What a command is called, what it does, and what its exit codes say. */
export interface CommandText {
  /** As commander reads it: `errors <migration>`. */
  readonly usage: string;
  readonly about: string;
  /** What the exit codes 0, 1 and 2 say. */
  readonly exits: readonly [string, string, string];
  readonly options?: readonly Option[];
}

/** One of the operators' commands, for a deployed system. */
export interface OperatorCommand<Options = Readonly<Record<string, unknown>>> extends CommandText {
  /** Answers with the exit code. Throws Misuse for 2, and anything else for 1. */
  run(system: System, options: Options, ...args: string[]): Promise<number>;
}

/** One of the authors' commands, for the project and this machine. */
export interface AuthorCommand<Options = Readonly<Record<string, unknown>>> extends CommandText {
  /** Answers with the exit code. Throws Misuse for 2, and anything else for 1. */
  run(io: Io, options: Options, ...args: string[]): Promise<number>;
}

/** An option as commander reads it, what it is for, and how its value is read. */
export type Option = readonly [flags: string, about: string, read?: (text: string) => unknown];

export const jsonOption: Option = ['--json', 'print JSON'];

/** As a shell reports a process that SIGINT ended: 128 + 2. */
export const interruptedByUser = 130;

export const noSuchMigration = 'no such migration (the known ones are listed), or misuse';
