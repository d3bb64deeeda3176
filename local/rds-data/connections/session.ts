import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { errorCode } from '../../error-code.ts';
import { RdsDataError } from '../errors.ts';
import type { BoundStatement } from '../parameters/bind.ts';
import type { KnownColumns } from '../results/column-metadata.ts';
import type { ResultLimit, StatementResult } from '../results/result.ts';
import type { KnownTypes } from '../results/result-columns.ts';
import { renew, unlimit } from './pool.ts';
import { send } from './statement.ts';

/** One connection, for one call or for one transaction. */
export interface Session {
  readonly client: pg.ClientBase;
  /** The database's own types that results have had so far. */
  readonly types: KnownTypes;
  /** The columns of its tables that results have had since somebody last changed any by this endpoint. */
  readonly columns: KnownColumns;
  /**
   * Runs one statement.
   *
   * @throws the database's error, and RdsDataError for a timeout or a result that the service would not return.
   */
  run(statement: BoundStatement, options: RunOptions): Promise<StatementResult>;
  /**
   * Gives the connection back, with an open transaction rolled back and nothing of the session left. It never fails.
   */
  release(): Promise<void>;
}

export interface RunOptions {
  /** When the caller gets a StatementTimeoutException, in milliseconds since 1970. */
  readonly deadline: number;
  /** Lets the statement go on after the deadline; otherwise it is cancelled. */
  readonly continueAfterTimeout?: boolean;
  /** The limit of an ordinary result when left out. */
  readonly limit?: ResultLimit;
}

/** What a session needs. */
export interface SessionParts {
  readonly client: pg.PoolClient;
  readonly types: KnownTypes;
  readonly columns: KnownColumns;
  /** Cancels the statement that runs on a client; it never fails. */
  readonly cancel: (client: pg.ClientBase) => Promise<void>;
  /** Called once, when no statement of this session runs any more. */
  readonly onEnd: () => void;
}

/** PostgreSQL's code for a statement that was cancelled, also by `statement_timeout`. */
const queryCanceled = '57014';

/** The tags of statements that change no table's columns; the end of a transaction may. */
const leavesTables = /^(?:SELECT|INSERT|UPDATE|DELETE|MERGE|BEGIN)\b/;

/** A caller whose time is up waits this much longer for its statement to be cancelled, in milliseconds. */
const cancelWaitMs = 1000;

/** Makes a session of a pool's connection. */
export function sessionOn({ client, types, columns, cancel, onEnd }: SessionParts): Session {
  let settled: Promise<unknown> = Promise.resolve(); // when the last statement is over
  let released: Promise<void> | undefined;

  const reset = async () => {
    await settled;
    onEnd();
    try {
      if (client.getTransactionStatus() !== 'I') {
        await client.query('ROLLBACK');
        columns.clear();
      }
      await renew(client);
      client.release();
    } catch {
      client.release(true); // the connection is gone
    }
  };

  return {
    client,
    types,
    columns,
    async run(statement, { deadline, continueAfterTimeout = false, limit }) {
      if (continueAfterTimeout) {
        await unlimit(client);
        if (released) {
          throw new RdsDataError('DatabaseUnavailableException'); // the endpoint was closed meanwhile
        }
      }
      const result = send(client, statement, limit);
      settled = result.catch(() => {});
      const first = await beforeDeadline(result, deadline).catch((error: unknown) => {
        // PostgreSQL's timer can be faster than ours, if this process is busy.
        if (errorCode(error) === queryCanceled && Date.now() >= deadline) {
          return 'timeout' as const;
        }
        throw error;
      });
      if (first !== 'timeout') {
        if (!leavesTables.test(first.tag)) {
          columns.clear();
        }
        return first;
      }
      if (!continueAfterTimeout) {
        // The session keeps the connection until the cancellation has arrived, because it must not hit the next
        // call's statement.
        settled = Promise.all([settled, cancel(client)]);
        await Promise.race([settled, sleep(cancelWaitMs)]);
      }
      throw new RdsDataError('StatementTimeoutException', 'Request timed out');
    },
    release: () => (released ??= reset()),
  };
}

async function beforeDeadline<Result>(
  result: Promise<Result>,
  deadline: number,
): Promise<Result | 'timeout'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(resolve, deadline - Date.now(), 'timeout');
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
