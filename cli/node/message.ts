import {
  array,
  boolean,
  type InferOutput,
  integer,
  literal,
  minLength,
  minValue,
  number,
  object,
  optional,
  pipe,
  safeParse,
  string,
  variant,
} from 'valibot';
import { messageOf } from '../../functions/engine/errors.ts';

const text = pipe(string(), minLength(1));
const wholeFrom = (least: number) => pipe(number(), integer(), minValue(least));
const id = pipe(number(), integer());
/** Which migration is meant, where several would do. */
const migration = optional(text);

const bodies = variant('type', [
  object({
    type: literal('backfill'),
    msg_id: id,
    table: text,
    column: text,
    batch_size: wholeFrom(1),
    total_rows: wholeFrom(0),
    migration,
  }),
  object({
    type: literal('validate'),
    msg_id: id,
    table: text,
    validations: pipe(array(text), minLength(1)),
  }),
  object({
    type: literal('migrate'),
    msg_id: id,
    table: text,
    runs: wholeFrom(1),
    idempotent: boolean(),
    migration,
  }),
]);

/** A message that can be answered. */
export type Message = InferOutput<typeof bodies>;
export type Ask<Type extends Message['type']> = Extract<Message, { readonly type: Type }>;
export const types: readonly Message['type'][] = ['backfill', 'validate', 'migrate'];

/** The codes that Maelstrom has for errors. */
const codes = {
  notSupported: 10,
  unavailable: 11,
  malformed: 12,
  crash: 13,
  unknown: 20,
  ambiguous: 22,
} as const;

/** Why a message gets no better answer: what was wrong, got, and allowed. */
export class Refusal extends Error {
  readonly #code: keyof typeof codes;

  constructor(code: keyof typeof codes, text: string, cause?: unknown) {
    super(text, { cause });
    this.#code = code;
  }

  body(): object {
    return { type: 'error', code: codes[this.#code], text: this.message };
  }

  static of(error: unknown): Refusal {
    return error instanceof Refusal ? error : new Refusal('crash', messageOf(error), error);
  }
}

/** What a line asks for, or why that cannot be answered, and what makes an answer of a body. */
export interface Read {
  readonly message: Message | Refusal;
  readonly replyTo: (body: object) => object;
}

/** Reads a line: a message by itself, or in an envelope `{src, dest, body}`. */
export function readMessage(line: string): Read {
  const whole = parsed(line);
  if (whole instanceof Refusal) {
    return { message: whole, replyTo: answering(undefined) };
  }
  const body = 'body' in whole ? whole.body : whole;
  const replyTo = answering((body as { msg_id?: unknown } | null)?.msg_id);
  if ('body' in whole && !(typeof whole.src === 'string' && typeof whole.dest === 'string')) {
    const got = JSON.stringify({ src: whole.src, dest: whole.dest });
    return refused(`an envelope has src, dest and body; src and dest are texts, got ${got}`);
  }
  if (!isObject(body)) {
    return refused(`the body is an object, got ${JSON.stringify(body)}`);
  }
  const { type } = body;
  if (type === undefined) {
    return refused(`the field "type" is missing; known are ${types.join(', ')}`);
  }
  if (!types.includes(type as never)) {
    const text = `the type ${JSON.stringify(type)} is not known; known are ${types.join(', ')}`;
    return { message: new Refusal('notSupported', text), replyTo };
  }
  const checked = safeParse(bodies, body);
  return checked.success ? { message: checked.output, replyTo } : refused(problemOf(checked.issues[0]));

  function refused(text: string): Read {
    return { message: new Refusal('malformed', text), replyTo };
  }
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(line: string): Json | Refusal {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) {
      return value;
    }
    return new Refusal('malformed', `a message is a JSON object, got ${shortened(line)}`);
  } catch (error) {
    return new Refusal(
      'malformed',
      `a message is one JSON object in one line, got ${shortened(line)}: ${messageOf(error)}`,
    );
  }
}

const shortened = (line: string): string => (line.length > 80 ? `${line.slice(0, 80)}…` : line);

interface Issue {
  readonly path?: readonly { readonly key: unknown }[] | undefined;
  readonly type: string;
  readonly expected: string | null;
  readonly received: string;
}

function problemOf({ path, type, expected, received }: Issue): string {
  const key = path?.map((item) => item.key).join('.');
  if (received === 'undefined') {
    return `the field "${key}" is missing`;
  }
  return `the field "${key}" is wrong: expected ${type === 'integer' ? 'a whole number' : expected}, got ${received}`;
}

/**
 * The answer, with the message that it answers. It comes without an envelope also to a message that has one: that is the protocol's
 * expected output, and on a pipe there is nobody else to deliver it to.
 */
function answering(id: unknown): Read['replyTo'] {
  const inReplyTo = Number.isInteger(id) ? { in_reply_to: id } : {};
  return (body) => {
    const { type, ...fields } = body as { readonly type: string };
    return { type, ...inReplyTo, ...fields };
  };
}
