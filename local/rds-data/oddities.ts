import { setTimeout as sleep } from 'node:timers/promises';
import { RdsDataError } from './errors.ts';
import { type BoundStatement, typeIds } from './parameters/bind.ts';

/**
 * What the Data API is reported to do now and then, though no document says so. Each is off unless it is asked for. One in
 * `every` calls meets it: by chance, but the same ones each time.
 */
export interface Oddities {
  /** "Database returned SQL Exception" without a SQLSTATE, half of the times after the statement was executed. */
  readonly nameless?: { readonly every: number };
  /** ThrottlingException. */
  readonly throttling?: { readonly every: number };
  /** DatabaseResumingException, as if the database had just been paused for so many seconds. */
  readonly resuming?: { readonly every: number; readonly seconds: number };
  /** Each answer takes so many milliseconds longer. */
  readonly slow?: { readonly ms: number };
  /** CREATE and DROP INDEX CONCURRENTLY are answered with an error although they were executed. */
  readonly concurrently?: true;
  /** Strings are declared as varchar, and whole numbers that fit as int4, instead of text and int8. */
  readonly narrow?: true;
}

/** How the endpoint deviates at the moment. */
export interface Deviation {
  /** From now on, and no longer as before. */
  set(oddities: Oddities): void;
  /** Runs a statement with the deviations of its call. */
  execute<Answer>(
    statement: BoundStatement,
    run: (statement: BoundStatement) => Promise<Answer>,
  ): Promise<Answer>;
}

// In PostgreSQL's catalog.
const varchar = 1043;
const int4 = 23;

/** An endpoint that does what it should, until it is told otherwise. */
export function deviation(
  pause: (options: { readonly resumeSeconds: number }) => void,
  wake: () => void,
): Deviation {
  let odd: Oddities = {};
  let random = seeded();
  let nameless = 0;
  const isTurn = (each: { readonly every: number } | undefined) =>
    each !== undefined && random() < 1 / each.every;

  return {
    set(oddities) {
      odd = oddities;
      random = seeded();
    },
    async execute(statement, run) {
      if (odd.slow !== undefined) {
        await sleep(odd.slow.ms);
      }
      if (isTurn(odd.throttling)) {
        throw new RdsDataError('ThrottlingException', 'Rate exceeded');
      }
      if (odd.resuming !== undefined && isTurn(odd.resuming)) {
        pause({ resumeSeconds: odd.resuming.seconds });
        wake();
      }
      const withoutName = isTurn(odd.nameless);
      nameless += withoutName ? 1 : 0;
      if (withoutName && nameless % 2 === 1) {
        throw new RdsDataError('DatabaseErrorException', sqlException);
      }
      const answer = await run(odd.narrow ? narrowed(statement) : statement);
      const isBuild = /^\s*(CREATE|DROP)\s+(UNIQUE\s+)?INDEX\s+CONCURRENTLY/i.test(statement.text);
      if (withoutName || (odd.concurrently && isBuild)) {
        throw new RdsDataError('DatabaseErrorException', sqlException);
      }
      return answer;
    },
  };
}

/** Numbers from 0 to 1, the same each time: a linear congruential generator with the constants of Numerical Recipes. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const sqlException = 'Database returned SQL Exception';

function narrowed({ text, types, values }: BoundStatement): BoundStatement {
  const narrow = (type: number, value: string | Buffer | null): number => {
    if (type === typeIds.text) {
      return varchar;
    }
    return type === typeIds.int8 && Math.abs(Number(value)) < 2 ** 31 ? int4 : type;
  };
  return { text, values, types: types.map((type, i) => narrow(type, values[i] ?? null)) };
}
