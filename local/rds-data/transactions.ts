import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { fromDatabase, RdsDataError } from './errors.ts';
import { plain, type Session, type Sessions } from './sessions.ts';

/** The transactions that callers have begun, by their ids. */
export interface Transactions {
  begin(database: string | null | undefined, deadline: number): Promise<string>;
  /** Does one call's work in a transaction. A second call meanwhile is refused. */
  use<Result>(id: string, work: (session: Session) => Promise<Result>): Promise<Result>;
  end(id: string, command: 'COMMIT' | 'ROLLBACK', deadline: number): Promise<void>;
  close(): Promise<void>;
}

interface Transaction {
  readonly session: Session;
  readonly begun: number;
  idle: NodeJS.Timeout | undefined;
  busy: boolean;
}

/** Why an id is not found any more, in the words of the service's troubleshooting page. */
const reasons = {
  unknown: 'Transaction may be expired.',
  ended: 'One previous call resulted in a termination of your transaction.',
  lost: 'Transaction has been aborted due to an error from a previous call.',
} as const;

const longest = 24 * 3_600_000; // the service's limit for a transaction, however busy
const remembered = 1000; // ended ones, whose callers may still ask

/** Keeps transactions until they end, or nobody has called them for `idleSeconds`. */
export function openTransactions(sessions: Sessions, idleSeconds: number): Transactions {
  const transactions = new Map<string, Transaction>();
  const endings = new Map<string, keyof typeof reasons>();

  const forget = async (id: string, why: keyof typeof reasons) => {
    const transaction = transactions.get(id);
    transactions.delete(id);
    endings.set(id, why);
    if (endings.size > remembered) {
      endings.delete(endings.keys().next().value ?? '');
    }
    clearTimeout(transaction?.idle);
    await transaction?.session.release(); // rolls back what is not committed
  };

  const expireWhenIdle = (id: string, transaction: Transaction) => {
    transaction.idle = setTimeout(() => void forget(id, 'unknown'), idleSeconds * 1000);
  };

  const use: Transactions['use'] = async (id, work) => {
    const found = transactions.get(id);
    if (found && Date.now() - found.begun > longest) {
      await forget(id, 'unknown');
    }
    const transaction = transactions.get(id);
    if (!transaction) {
      const reason = reasons[endings.get(id) ?? 'unknown'];
      throw new RdsDataError('TransactionNotFoundException', `Transaction ${id} is not found. ${reason}`);
    }
    if (transaction.busy) {
      throw new RdsDataError('DatabaseErrorException', 'Transaction is still running a query');
    }
    clearTimeout(transaction.idle);
    transaction.busy = true;
    try {
      return await work(transaction.session);
    } catch (error) {
      if (isDisconnection(error)) {
        await forget(id, 'lost');
      }
      throw error;
    } finally {
      transaction.busy = false;
      if (transactions.has(id)) {
        expireWhenIdle(id, transaction);
      }
    }
  };

  return {
    use,
    async begin(database, deadline) {
      const session = await sessions.open(database);
      try {
        await session.run(plain('BEGIN'), { deadline });
      } catch (error) {
        void session.release();
        throw fromDatabase(error);
      }
      const id = randomBytes(96).toString('base64');
      const transaction: Transaction = { session, begun: Date.now(), idle: undefined, busy: false };
      transactions.set(id, transaction);
      expireWhenIdle(id, transaction);
      return id;
    },
    end: (id, command, deadline) =>
      use(id, async (session) => {
        try {
          const { tag } = await session.run(plain(command), { deadline });
          // PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK: nobody may take that for success.
          if (tag !== command) {
            throw new RdsDataError('DatabaseErrorException', aborted);
          }
        } catch (error) {
          throw fromDatabase(error); // a deferred constraint, for one
        } finally {
          await forget(id, 'ended');
        }
      }),
    async close() {
      await Promise.all([...transactions.keys()].map((id) => forget(id, 'ended')));
    },
  };
}

const aborted =
  'ERROR: current transaction is aborted, commands ignored until end of transaction block; SQLState: 25P02';

function isDisconnection(error: unknown): boolean {
  const cause = error instanceof RdsDataError ? error.cause : error;
  if (error instanceof RdsDataError && error.code === 'DatabaseUnavailableException') {
    return true;
  }
  return cause instanceof pg.DatabaseError && cause.severity !== 'ERROR';
}
