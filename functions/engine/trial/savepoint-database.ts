import type { Database, ExecuteOptions, Statements } from '../database/data-api.ts';
import type { RowOf, Shape } from '../database/row-shape.ts';
import { type Sql, sql, unsafeSql } from '../database/sql.ts';
import { DatabaseUnavailable, messageOf } from '../errors.ts';
import { CallQueue } from './call-queue.ts';
import type { CallMeter } from './meter.ts';

// One call to release them all now and then, instead of one after each statement. PostgreSQL keeps up to 64 in its backend's
// own memory, of which a transaction within has its share.
const mostNested = 16;

/**
 * A database inside one transaction, each statement of it behind a savepoint: one that fails leaves the transaction as it was
 * before, as it would outside. A transaction within is a savepoint, too.
 */
export class SavepointDatabase implements Database {
  #tx: Statements;
  #meter: CallMeter;
  #limit: Sql;
  #depth: number;
  #queue = new CallQueue();
  // Those that statements have left behind, nested in each other, and whether the last of them is still unused.
  #nested = 0;
  #isUnused = false;

  /** `limit` sets the limits of the transaction: after one within, which has set its own. */
  constructor(tx: Statements, meter: CallMeter, limit: Sql, depth = 0) {
    this.#tx = tx;
    this.#meter = meter;
    this.#limit = limit;
    this.#depth = depth;
  }

  query<S extends Shape>(statement: Sql, shape: S): Promise<RowOf<S>[]> {
    return this.#call(() => this.#meter.count(statement, () => this.#tx.query(statement, shape)));
  }

  execute(statement: Sql, _options?: ExecuteOptions): Promise<void> {
    // Within a transaction nothing goes on after its call.
    return this.#call(() => this.#meter.count(statement, () => this.#tx.execute(statement)));
  }

  read(statement: Sql) {
    return this.#call(() =>
      this.#meter.count(
        statement,
        () => this.#tx.read(statement),
        ({ bytes }) => bytes,
      ),
    );
  }

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.#call(async () => {
      const within = new SavepointDatabase(this.#tx, this.#meter, this.#limit, this.#depth + 1);
      try {
        const done = await work(within);
        await this.#meter.overhead(() => this.#tx.execute(this.#limit));
        return done;
      } finally {
        await within.end();
      }
    });
  }

  /** Waits for the statement that is under way; those behind it fail. */
  end(): Promise<void> {
    return this.#queue.end();
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    return this.#queue.take(() => this.#behindSavepoint(call));
  }

  async #behindSavepoint<T>(call: () => Promise<T>): Promise<T> {
    if (this.#nested === mostNested && !this.#isUnused) {
      await this.#savepoint(sql`RELEASE ${this.#name(0)}`);
      this.#nested = 0;
    }
    if (!this.#isUnused) {
      await this.#savepoint(sql`SAVEPOINT ${this.#name(this.#nested)}`);
      this.#nested += 1;
    }
    this.#isUnused = false;
    try {
      return await call();
    } catch (error) {
      await this.#savepoint(sql`ROLLBACK TO ${this.#name(this.#nested - 1)}`).catch(() => {
        throw new DatabaseUnavailable(
          `${messageOf(error)}. The transaction ended with it, so what would come after it is not known`,
          { cause: error },
        );
      });
      this.#isUnused = true;
      throw error;
    }
  }

  #savepoint(command: Sql): Promise<void> {
    return this.#meter.overhead(() => this.#tx.execute(command));
  }

  #name(i: number): Sql {
    return unsafeSql(`level_${this.#depth}_${i}`);
  }
}
