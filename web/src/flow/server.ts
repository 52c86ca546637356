/** Asking the server: one POST for each verb, and each way in which it can fail as one word. */

import { takeOpening } from '../first/opening';
import type { Clock } from './edge';
import { type Page, pageOf } from './page';

/** Why something did not go on. What people read of it stands in the catalogue. */
export type Trouble =
  /** The proof was not accepted; why is told to nobody. */
  | 'refused'
  /** Too much was tried. */
  | 'waiting'
  /** No answer came. */
  | 'offline'
  /** 503: nothing was done. */
  | 'busy'
  /** The message could not be sent by any gateway, nor the phone be reached. */
  | 'gateway'
  /** The phone was asked several times, and nobody approved: it is left alone for a while. */
  | 'heldBack'
  /** A message is on its way, and another one can be asked for later. */
  | 'sentAlready'
  /** The phone that was to be connected said no, or was given another number. */
  | 'notConnected'
  /** What was typed is no phone number, or none that messages go to. */
  | 'badNumber'
  /** Messages to that country are not sent. */
  | 'blocked'
  | 'badAddress'
  /** There is no free hardware token of that serial number. */
  | 'badSerial'
  /** The page is over: it was finished, or its time is. */
  | 'over'
  /** The challenge or the session is over, and the page knows the way back. */
  | 'ended'
  /** Another browser opened the page first, or this one keeps no cookies. */
  | 'elsewhere'
  /** There is no such page. */
  | 'unknown'
  /** What was being set up counts for nothing any more. */
  | 'keyOver'
  /** The session is not trusted enough, or not any more. */
  | 'stepUp'
  /** The state of things does not allow it: too many authenticators, a suspended user. */
  | 'conflict'
  /** No HTTPS: the browser makes no keys. */
  | 'insecure'
  /** What was sealed does not open. */
  | 'unsealed'
  /** The person or the time ended what the device asked; browsers do not tell which. */
  | 'passkeyCancelled'
  /** The same, where one was to be made. */
  | 'passkeyUnmade'
  /** This device has a passkey for the account already. */
  | 'passkeyExists'
  /** This browser or device knows no passkeys, or none such as are asked for. */
  | 'passkeyUnsupported'
  /** Anything else that a device says. */
  | 'passkeyFailed'
  /** Anything else. */
  | 'failed';

export class Failure extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

/** What changes something on a person's own page. */
export type SecurityVerb =
  | 'security/add'
  | 'security/replace'
  | 'security/rename'
  | 'security/remove'
  | 'security/lost'
  | 'security/backup-codes'
  | 'security/sign-out';

export type Verb =
  | 'open'
  | 'sign-in'
  | 'prompt'
  | 'prove'
  | 'remember'
  | 'wait'
  | 'begin'
  | 'confirm'
  | 'finish'
  | 'cancel'
  | 'task/decide'
  | SecurityVerb;

/** Milliseconds. The server answers within a few seconds or says that it is busy. */
const PATIENCE = 20_000;
/** For `wait`, which the server answers after 25 s at the latest. */
const LONG_PATIENCE = 40_000;

/** Asks for the page of `token`; fails with a `Failure` and nothing else. */
export async function ask(
  token: string,
  verb: Verb,
  body: Record<string, unknown>,
  callOff?: AbortSignal,
): Promise<Page> {
  const { said, at } = await exchange(token, verb, body, callOff);
  try {
    return pageOf(said, at, location.origin);
  } catch {
    throw new Failure('failed');
  }
}

/** Asks, and answers what was said as it stands, and when by both clocks; fails with a `Failure` and nothing else. */
export async function exchange(
  token: string,
  verb: Verb,
  body: Record<string, unknown>,
  callOff?: AbortSignal,
): Promise<{ said: unknown; at: Clock }> {
  const answer = await post(token, verb, body, callOff);
  const said = await content(answer);
  if (!answer.ok) throw failure(verb, body, answer, said);
  return { said, at: clock(answer) };
}

async function post(
  token: string,
  verb: Verb,
  body: Record<string, unknown>,
  callOff?: AbortSignal,
): Promise<Response> {
  const patience = AbortSignal.timeout(verb === 'wait' ? LONG_PATIENCE : PATIENCE);
  const asked = verb === 'open' ? takeOpening(token) : null;
  try {
    if (asked) return await asked;
    return await fetch(`/pages/${verb}`, {
      method: 'POST',
      // It says which page is meant, and no other site's page can send a header of this name.
      headers: { 'Content-Type': 'application/json', 'X-Countersign-Page': token },
      body: JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: callOff ? either(callOff, patience) : patience,
    });
  } catch {
    throw new Failure('offline');
  }
}

/** AbortSignal.any, which browsers before 2024 lack. */
function either(...signals: AbortSignal[]): AbortSignal {
  const both = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) both.abort();
    signal.addEventListener('abort', () => both.abort(), { once: true });
  }
  return both.signal;
}

async function content(answer: Response): Promise<unknown> {
  try {
    return JSON.parse(await answer.text()) as unknown;
  } catch (error) {
    // What stands between may answer with a page of its own; an answer that broke off is none.
    if (error instanceof SyntaxError) return null;
    throw new Failure('offline');
  }
}

/** This machine's clock may be wrong: times are compared with the server's. Its answer bears whole seconds, so it may be nearly one later than that. */
function clock(answer: Response): Clock {
  const ours = Date.now();
  const said = Date.parse(answer.headers.get('Date') ?? '');
  return Number.isNaN(said) ? { theirs: ours, unsure: 0, ours } : { theirs: said + 1000, unsure: 1000, ours };
}

const BY_TYPE: Readonly<Record<string, Trouble>> = {
  'proof-rejected': 'refused',
  'page-opened-elsewhere': 'elsewhere',
  'page-over': 'over',
  'challenge-over': 'ended',
  'session-over': 'ended',
  'enrollment-over': 'keyOver',
  'view-gone': 'keyOver',
  'view-expired': 'keyOver',
  'step-up-needed': 'stepUp',
  'gateway-unavailable': 'gateway',
  'push-held-back': 'heldBack',
  'sent-already': 'sentAlready',
  'number-invalid': 'badNumber',
  'country-blocked': 'blocked',
  'address-invalid': 'badAddress',
  'serial-unknown': 'badSerial',
  conflict: 'conflict',
  'not-found': 'unknown',
};

const BY_STATUS: Readonly<Record<number, Trouble>> = {
  404: 'unknown',
  409: 'conflict',
  410: 'over',
  429: 'waiting',
};

function failure(verb: Verb, body: Record<string, unknown>, answer: Response, said: unknown): Failure {
  const problem = (said ?? {}) as { type?: unknown };
  const slug = typeof problem.type === 'string' ? (problem.type.split('/').at(-1) ?? '') : '';
  const byStatus =
    BY_STATUS[answer.status] ?? (answer.status >= 502 && answer.status <= 504 ? 'busy' : 'failed');
  // All that a page is opened with stands in its address.
  if (slug === 'invalid-request' && (verb === 'open' || verb === 'sign-in')) return new Failure('unknown');
  // The one thing of these that a person typed.
  if (verb === 'begin' && (slug === 'invalid-request' || slug === 'not-found' || slug === 'exists')) {
    const typed = ({ sms: 'badNumber', email: 'badAddress', hotp: 'badSerial' } as const)[String(body.kind)];
    if (typed) return new Failure(typed);
  }
  return new Failure(BY_TYPE[slug] ?? byStatus);
}
