import type pg from 'pg';
import { RdsDataError } from './errors.ts';
import type { Bound } from './values.ts';

/** What a statement answered: its columns and rows as PostgreSQL's text. */
export interface Answer {
  /** The command tag: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`. */
  readonly tag: string;
  /** Undefined for a statement that returns no rows by nature. */
  readonly columns: readonly pg.FieldDef[] | undefined;
  readonly rows: readonly Row[];
}

export type Row = readonly (string | null)[];

/** How much of a result is kept, in bytes as counted by the service. */
export interface ResultLimit {
  readonly bytes: number;
  readonly message: string;
}

export const recordsLimit: ResultLimit = {
  bytes: 2 ** 20,
  message: 'The result exceeds the size limit 1 MB.',
};
const rowLimit = 2 ** 16;

/** The part of the connection below `pg` that a statement speaks to. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { text: string; types: readonly number[] }): void;
  bind(message: { values: readonly (string | Buffer | null)[] }): void;
  describe(message: { type: 'P' }): void;
  execute(): void;
  sync(): void;
  sendCopyFail(reason: string): void;
}

/**
 * Sends one statement through PostgreSQL's extended protocol, which takes one statement at a time and parameters of
 * declared types, as the service does. `pg`'s own query does not let types be declared. Rows stay text, undecoded.
 */
export function send(client: pg.ClientBase, bound: Bound, limit = recordsLimit): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.query(new Statement(bound, limit, resolve, reject) as unknown as pg.Submittable);
  });
}

class Statement {
  readonly #bound: Bound;
  readonly #limit: ResultLimit;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #rows: Row[] = [];
  #columns: readonly pg.FieldDef[] | undefined;
  #bytes = 0;
  #tag = '';
  #refusal: RdsDataError | undefined;

  constructor(
    bound: Bound,
    limit: ResultLimit,
    resolve: (answer: Answer) => void,
    reject: (error: Error) => void,
  ) {
    this.#bound = bound;
    this.#limit = limit;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: Wire): void {
    wire.stream.cork(); // all five messages in one packet
    try {
      wire.parse(this.#bound);
      wire.bind(this.#bound);
      wire.describe({ type: 'P' });
      wire.execute();
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  }

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    this.#columns = fields;
  }

  /**
   * The service counts a result as rows × (2 + 4 × columns) + the bytes of the values: the size of PostgreSQL's own
   * messages for it, without their length word (4 bytes).
   */
  handleDataRow({ length, fields }: { length: number; fields: Row }): void {
    const bytes = length - 4;
    this.#bytes += bytes;
    if (this.#bytes > this.#limit.bytes) {
      this.#refuse(this.#limit.message);
    }
    if (bytes - 2 - 4 * fields.length > rowLimit) {
      this.#refuse('The result contains a row that exceeds the size limit 64 KB.');
    }
    if (!this.#refusal) {
      this.#rows.push(fields);
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#tag = text;
  }

  handleReadyForQuery(): void {
    if (this.#refusal) {
      this.#reject(this.#refusal);
    } else {
      this.#resolve({ tag: this.#tag, columns: this.#columns, rows: this.#rows });
    }
  }

  handleError(error: Error): void {
    this.#reject(this.#refusal ?? error);
  }

  handleEmptyQuery(): void {}

  handleCopyInResponse(wire: Wire): void {
    this.#refuse('unexpected message: CopyInResponse', 'BadRequestException');
    wire.sendCopyFail('not supported');
    wire.sync(); // PostgreSQL ignored the first one, being in the middle of a COPY
  }

  handleCopyData(): void {
    this.#refuse('unexpected message: CopyOutResponse', 'BadRequestException');
  }

  /** The rest of the answer is read and dropped, so the connection stays usable. */
  #refuse(
    message: string,
    code: 'UnsupportedResultException' | 'BadRequestException' = 'UnsupportedResultException',
  ): void {
    this.#refusal ??= new RdsDataError(code, message);
    this.#rows.length = 0;
  }
}
