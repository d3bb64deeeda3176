import type pg from 'pg';
import { RdsDataError } from '../errors.ts';
import type { BoundStatement } from '../parameters/bind.ts';
import { maxRowBytes } from '../quotas.ts';
import { type ResultLimit, type Row, resultLimit, type StatementResult } from '../results/result.ts';

/**
 * Sends one statement by PostgreSQL's extended protocol, which takes one statement at a time and parameters of
 * declared types, as the service does. `pg`'s own query cannot declare types. Values come back as PostgreSQL's text.
 *
 * @throws the database's error, or RdsDataError for a result that the service would not return.
 */
export function send(
  client: pg.ClientBase,
  statement: BoundStatement,
  limit: ResultLimit = resultLimit,
): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    const query: Query = new ExtendedQuery(statement, limit, { resolve, reject });
    client.query(query as unknown as pg.Submittable); // @types/pg leaves out what a query may do with the connection
  });
}

/** What `pg` asks of a query: to send its messages, and to take PostgreSQL's. */
interface Query {
  submit(connection: Connection): void;
  handleRowDescription(message: { readonly fields: readonly pg.FieldDef[] }): void;
  handleDataRow(message: { readonly length: number; readonly fields: Row }): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleEmptyQuery(): void;
  handleCopyInResponse(connection: Connection): void;
  handleCopyData(): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

/** The messages that `pg`'s connection can send to PostgreSQL. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { readonly text: string; readonly types: readonly number[] }): void;
  bind(message: { readonly values: readonly (string | Buffer | null)[] }): void;
  describe(message: { readonly type: 'P' }): void;
  execute(): void;
  sync(): void;
  sendCopyFail(reason: string): void;
}

interface Settle {
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: Error) => void;
}

/** PostgreSQL counts the word that holds a message's length into that length. */
const lengthWordBytes = 4;

class ExtendedQuery implements Query {
  readonly #statement: BoundStatement;
  readonly #limit: ResultLimit;
  readonly #settle: Settle;
  readonly #rows: Row[] = [];
  #columns: readonly pg.FieldDef[] | undefined;
  #bytes = 0;
  #tag = '';
  #refusal: RdsDataError | undefined;

  constructor(statement: BoundStatement, limit: ResultLimit, settle: Settle) {
    this.#statement = statement;
    this.#limit = limit;
    this.#settle = settle;
  }

  submit(connection: Connection): void {
    connection.stream.cork(); // sends all five messages in one packet
    try {
      connection.parse(this.#statement);
      connection.bind(this.#statement);
      connection.describe({ type: 'P' });
      connection.execute();
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  }

  handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    this.#columns = fields;
  }

  handleDataRow({ length, fields }: { readonly length: number; readonly fields: Row }): void {
    const bytes = length - lengthWordBytes;
    const bytesOfValues = bytes - 2 - 4 * fields.length; // without the number of columns, and the length of each value
    this.#bytes += bytes;
    if (this.#bytes > this.#limit.bytes) {
      this.#refuse('UnsupportedResultException', this.#limit.message);
    }
    if (bytesOfValues > maxRowBytes) {
      this.#refuse(
        'UnsupportedResultException',
        'The result contains a row that exceeds the size limit 64 KB.',
      );
    }
    if (!this.#refusal) {
      this.#rows.push(fields);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#tag = text;
  }

  handleEmptyQuery(): void {}

  handleCopyInResponse(connection: Connection): void {
    this.#refuse('BadRequestException', 'unexpected message: CopyInResponse');
    connection.sendCopyFail('not supported');
    connection.sync(); // in the middle of a COPY, PostgreSQL has ignored the first one
  }

  handleCopyData(): void {
    this.#refuse('BadRequestException', 'unexpected message: CopyOutResponse');
  }

  handleError(error: Error): void {
    this.#settle.reject(this.#refusal ?? error);
  }

  handleReadyForQuery(): void {
    if (this.#refusal) {
      this.#settle.reject(this.#refusal);
    } else {
      this.#settle.resolve({ tag: this.#tag, columns: this.#columns, rows: this.#rows });
    }
  }

  /** Refuses the result. What PostgreSQL still sends is read and dropped, so that the connection stays usable. */
  #refuse(code: 'UnsupportedResultException' | 'BadRequestException', message: string): void {
    this.#refusal ??= new RdsDataError(code, message);
    this.#rows.length = 0;
  }
}
