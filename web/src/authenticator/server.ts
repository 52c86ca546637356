/** Asking the server in an account's name: every request is signed. */

import { toText } from '../sealed/base64url';
import type { Account } from './kept/database';
import type { Link } from './protocol/link';
import {
  type Answer,
  answerBytes,
  deviceHeader,
  enrollBytes,
  newKey,
  newNonce,
  sign,
} from './protocol/signed';

/** Why something did not go on. What people read of it stands in the catalogue. */
export type Trouble =
  /** No answer came. */
  | 'offline'
  /** The server can do nothing just now. */
  | 'busy'
  /** The link was used, is over, or never was. */
  | 'linkOver'
  /** The server knows this account's key no more. */
  | 'disconnected'
  /** The number was another one. */
  | 'wrongNumber'
  /** It was too late. */
  | 'over'
  /** This browser keeps or makes no keys. */
  | 'noKeys'
  /** Anything else. */
  | 'failed';

export class Failure extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

/** Milliseconds. */
const PATIENCE = 20_000;

/** How far this machine's clock is behind the server's, in milliseconds, as far as a server complained. */
const behind = new Map<string, number>();

/** The server's time. */
export const serverTime = (server: string): number => Date.now() + (behind.get(server) ?? 0);

export type Delivery = { web_push: { endpoint: string; p256dh: string; auth: string } };

/** Makes a key and connects the account of `link` to it. The account counts once its first prompt was approved. */
export async function enroll(link: Link, name: string): Promise<Account> {
  const made = await newKey().catch(() => Promise.reject(new Failure('noKeys')));
  const signature = await sign(made.key, await enrollBytes(link.server, link.token, made.publicKey, name));
  const body = { token: link.token, public_key: toText(made.publicKey), name, signature };
  const answer = await sent(`${link.server}/push/enroll`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok)
    throw answer.status === 404 || answer.status === 410 ? new Failure('linkOver') : failure(answer.status);
  const said = await content(answer);
  const text = (name: string) => (typeof said[name] === 'string' ? (said[name] as string) : '');
  if (text('authenticator_id') === '') throw new Failure('failed');
  return {
    id: text('authenticator_id'),
    server: link.server,
    key: made.key,
    application: text('application'),
    account: text('account'),
    issuer: text('issuer'),
    name,
    vapid: text('vapid_public_key') || null,
    connected: false,
    since: Date.now(),
  };
}

/** What waits. */
export interface Pending {
  /** The prompts' texts. */
  readonly texts: readonly string[];
  /** The key that Web Push subscriptions are for now; null where the server says none. */
  readonly vapid: string | null;
}

export async function pending(account: Account): Promise<Pending> {
  const said = await content(await signed(account, 'POST', '/push/pending', {}));
  if (!Array.isArray(said.prompts)) throw new Failure('failed');
  const texts = said.prompts.filter((text): text is string => typeof text === 'string');
  return { texts, vapid: typeof said.vapid_public_key === 'string' ? said.vapid_public_key : null };
}

/** Gives an answer; what the server made of it. */
export async function answer(
  account: Account,
  promptId: string,
  promptText: string,
  given: Answer,
  number: string | null,
): Promise<void> {
  const signature = await sign(account.key, await answerBytes(account.server, promptText, given, number));
  const body = { prompt_id: promptId, answer: given, ...(number === null ? {} : { number }), signature };
  await signed(account, 'POST', '/push/answer', body);
}

export async function subscribe(account: Account, delivery: Delivery | null): Promise<void> {
  await signed(account, 'POST', '/push/subscribe', { delivery });
}

/** A stream of what happens, for as long as it lasts. */
export async function stream(account: Account, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const answer = await signed(account, 'GET', '/push/stream', null, signal);
  if (!answer.body) throw new Failure('failed');
  return answer.body;
}

async function signed(
  account: Account,
  method: 'GET' | 'POST',
  path: string,
  body: object | null,
  signal?: AbortSignal,
): Promise<Response> {
  const text = body === null ? '' : JSON.stringify(body);
  for (let again = true; ; again = false) {
    const at = serverTime(account.server);
    const request = {
      server: account.server,
      method,
      path,
      body: text,
      authenticator: account.id,
      at,
      nonce: newNonce(),
    };
    const answer = await sent(account.server + path, {
      method,
      headers: {
        'Countersign-Device': await deviceHeader(account.key, request),
        ...(body === null ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === null ? {} : { body: text }),
      signal: signal ?? AbortSignal.timeout(PATIENCE),
    });
    if (answer.ok) return answer;
    const problem = await slug(answer);
    const known =
      problem === 'device-clock' ? setClock(account.server, answer) : problem === 'request-repeated';
    if (!again || !known) throw BY_TYPE[problem] ? new Failure(BY_TYPE[problem]) : failure(answer.status);
  }
}

/** Takes the server's time over; false where it does not say it. */
function setClock(server: string, answer: Response): boolean {
  const said = Date.parse(answer.headers.get('Date') ?? '');
  if (Number.isNaN(said)) return false;
  behind.set(server, said - Date.now());
  return true;
}

const BY_TYPE: Readonly<Record<string, Trouble>> = {
  'device-unknown': 'disconnected',
  'proof-rejected': 'wrongNumber',
  'prompt-over': 'over',
};

const failure = (status: number) => new Failure(status >= 502 || status === 429 ? 'busy' : 'failed');

async function sent(address: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(address, {
      ...request,
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: request.signal ?? AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Failure('offline');
  }
}

async function content(answer: Response): Promise<Record<string, unknown>> {
  try {
    return (JSON.parse(await answer.text()) ?? {}) as Record<string, unknown>;
  } catch (error) {
    throw new Failure(error instanceof SyntaxError ? 'failed' : 'offline');
  }
}

async function slug(answer: Response): Promise<string> {
  try {
    const { type } = (await answer.json()) as { type?: unknown };
    return typeof type === 'string' ? (type.split('/').at(-1) ?? '') : '';
  } catch {
    return '';
  }
}
