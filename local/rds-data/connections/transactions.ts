import { randomBytes } from 'node:crypto';
import { fromDatabase, isDisconnection, RdsDataError } from '../errors.ts';
import { unbound } from '../parameters/bind.ts';
import { maxTransactionMs } from '../quotas.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** The transactions that callers have begun, by their ids. Deadlines are in milliseconds since 1970. */
export interface Transactions {
  /** Begins a transaction and returns its id. */
  begin(database: string | null | undefined, deadline: number): Promise<string>;
  /**
   * Does one call's work in a transaction.
   *
   * @throws TransactionNotFoundException for one that has ended, and DatabaseErrorException while another call works
   *   in it.
   */
  use<Result>(id: string, work: (session: Session) => Promise<Result>): Promise<Result>;
  /**
   * Commits a transaction or rolls it back. It is gone then, whatever the outcome.
   *
   * @throws DatabaseErrorException when PostgreSQL could only roll back what should be committed.
   */
  end(id: string, command: 'COMMIT' | 'ROLLBACK', deadline: number): Promise<void>;
  /** Rolls all of them back. */
  close(): Promise<void>;
}

interface Transaction {
  readonly session: Session;
  /** In milliseconds since 1970. */
  readonly begun: number;
  /** Runs from the end of one call to the start of the next. */
  idleTimer: NodeJS.Timeout | undefined;
  isBusy: boolean;
}

/** Why a transaction is no longer found, in the words of the service's troubleshooting page. */
const reasons = {
  expired: 'Transaction may be expired.',
  ended: 'One previous call resulted in a termination of your transaction.',
  lost: 'Transaction has been aborted due to an error from a previous call.',
} as const;
type Reason = keyof typeof reasons;

/** How many ended transactions are remembered, to tell a late call why its own is gone. */
const maxRemembered = 1000;

/** 96 random bytes are 128 characters of base64; the service allows ids of 192. */
const idBytes = 96;

const transactionAborted =
  'ERROR: current transaction is aborted, commands ignored until end of transaction block; SQLState: 25P02';

/**
 * Keeps transactions from one call to the next.
 *
 * @param idleSeconds A transaction that nobody calls for this time is rolled back.
 */
export function openTransactions(sessions: Sessions, idleSeconds: number): Transactions {
  const transactions = new Map<string, Transaction>();
  const ended = new Map<string, Reason>();

  const forget = async (id: string, reason: Reason) => {
    const transaction = transactions.get(id);
    transactions.delete(id);
    ended.set(id, reason);
    if (ended.size > maxRemembered) {
      const [oldest = ''] = ended.keys();
      ended.delete(oldest);
    }
    clearTimeout(transaction?.idleTimer);
    await transaction?.session.release(); // rolls back what is not committed
  };

  const startIdleTimer = (id: string, transaction: Transaction) => {
    transaction.idleTimer = setTimeout(() => void forget(id, 'expired'), idleSeconds * 1000);
  };

  const find = async (id: string): Promise<Transaction> => {
    const transaction = transactions.get(id);
    const isTooOld = transaction !== undefined && Date.now() - transaction.begun > maxTransactionMs;
    if (isTooOld) {
      await forget(id, 'expired');
    }
    if (transaction === undefined || isTooOld) {
      const reason = reasons[ended.get(id) ?? 'expired'];
      throw new RdsDataError('TransactionNotFoundException', `Transaction ${id} is not found. ${reason}`);
    }
    return transaction;
  };

  const use: Transactions['use'] = async (id, work) => {
    const transaction = await find(id);
    if (transaction.isBusy) {
      throw new RdsDataError('DatabaseErrorException', 'Transaction is still running a query');
    }
    clearTimeout(transaction.idleTimer);
    transaction.isBusy = true;
    try {
      return await work(transaction.session);
    } catch (error) {
      if (isDisconnection(error)) {
        await forget(id, 'lost');
      }
      throw error;
    } finally {
      transaction.isBusy = false;
      if (transactions.has(id)) {
        startIdleTimer(id, transaction);
      }
    }
  };

  return {
    use,
    async begin(database, deadline) {
      const session = await sessions.open(database);
      try {
        await session.run(unbound('BEGIN'), { deadline });
      } catch (error) {
        void session.release();
        throw fromDatabase(error);
      }
      const id = randomBytes(idBytes).toString('base64');
      const transaction: Transaction = { session, begun: Date.now(), idleTimer: undefined, isBusy: false };
      transactions.set(id, transaction);
      startIdleTimer(id, transaction);
      return id;
    },
    end: (id, command, deadline) =>
      use(id, async (session) => {
        try {
          const { tag } = await session.run(unbound(command), { deadline });
          // PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, which must not pass for success.
          if (tag !== command) {
            throw new RdsDataError('DatabaseErrorException', transactionAborted);
          }
        } catch (error) {
          throw fromDatabase(error); // such as a deferred constraint that is violated
        } finally {
          await forget(id, 'ended');
        }
      }),
    async close() {
      await Promise.all([...transactions.keys()].map((id) => forget(id, 'ended')));
    },
  };
}
