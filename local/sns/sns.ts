import type { IncomingMessage, RequestListener } from 'node:http';
import { refusalOf, refusedStatus } from '../http/caller.ts';
import { listenOnLoopback } from '../http/loopback-server.ts';
import { readBody } from '../http/request-body.ts';

/** A message that was published. */
export interface Message {
  readonly topicArn: string;
  readonly subject: string;
  /** The message for each protocol; `default` is for those that have none of their own. */
  readonly byProtocol: Readonly<Record<string, string>>;
  /** The attributes of the message, by their names. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A running SNS that keeps what was published. */
export interface Sns {
  /** For `AWS_ENDPOINT_URL_SNS`. */
  readonly url: string;
  readonly messages: readonly Message[];
  close(): Promise<void>;
}

/** SNS's limit for a message with its attributes: 256 KiB. */
const mostBytes = 262_144;

/**
 * Starts SNS on 127.0.0.1: of its actions, `Publish` with a `MessageStructure` of JSON.
 *
 * @param accessKeyId The access key that requests must be signed with.
 */
export async function startSns(accessKeyId: string): Promise<Sns> {
  const messages: Message[] = [];
  const server = await listenOnLoopback(listener(messages, accessKeyId), 0);
  return { url: server.url, messages, close: () => server.close() };
}

function listener(messages: Message[], accessKeyId: string): RequestListener {
  return async (request, response) => {
    const refusal = refusalOf(request, accessKeyId);
    const answer = refusal ? errorXml(refusal.code, refusal.message) : await publish(request, messages);
    response.writeHead(refusal ? refusedStatus : answer.startsWith('<ErrorResponse') ? 400 : 200, {
      'content-type': 'text/xml',
    });
    response.end(answer);
  };
}

async function publish(request: IncomingMessage, messages: Message[]): Promise<string> {
  // The fields are percent-encoded: three bytes for one at most.
  const fields = new URLSearchParams((await readBody(request, 3 * mostBytes)) ?? '');
  const field = (name: string): string => fields.get(name) ?? '';
  const message = field('Message');
  if (field('Action') !== 'Publish' || field('MessageStructure') !== 'json') {
    return errorXml('InvalidAction', `only Publish of JSON is known here, got ${field('Action')}`);
  }
  if (Buffer.byteLength(message) > mostBytes) {
    return errorXml('InvalidParameter', 'Invalid parameter: Message too long');
  }
  if (!/^[ -~]{1,100}$/.test(field('Subject'))) {
    return errorXml('InvalidParameter', 'Invalid parameter: Subject');
  }
  const byProtocol = JSON.parse(message) as Message['byProtocol'];
  if (typeof byProtocol.default !== 'string') {
    return errorXml('InvalidParameter', 'Invalid parameter: Message Structure - No default entry');
  }
  messages.push({
    topicArn: field('TopicArn'),
    subject: field('Subject'),
    byProtocol,
    attributes: attributesOf(fields),
  });
  return '<PublishResponse><PublishResult><MessageId>local</MessageId></PublishResult></PublishResponse>';
}

/** In the form, the attributes are numbered: `MessageAttributes.entry.1.Name`. */
function attributesOf(fields: URLSearchParams): Message['attributes'] {
  const entries = [...fields].flatMap(([name, value]) => {
    const [, entry] = /^(MessageAttributes\.entry\.\d+)\.Name$/.exec(name) ?? [];
    return entry === undefined ? [] : [[value, fields.get(`${entry}.Value.StringValue`) ?? ''] as const];
  });
  return Object.fromEntries(entries);
}

const errorXml = (code: string, message: string): string =>
  `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
