/** Asking the server: one POST for each verb, and each way in which it can fail as one word. */

import { type Page, pageOf } from './page';

/** Why something did not go on. What people read of it stands in the catalogue. */
export type Trouble =
  /** The code was not accepted; why is told to nobody. */
  | 'refused'
  /** Too much was tried. */
  | 'waiting'
  /** No answer came. */
  | 'offline'
  /** 503: nothing was done. */
  | 'busy'
  /** The page is over: it was finished, or its time is. */
  | 'over'
  /** The challenge or the session is over, and the page knows the way back. */
  | 'ended'
  /** Another browser opened the page first, or this one keeps no cookies. */
  | 'elsewhere'
  /** There is no such page. */
  | 'unknown'
  /** The key that was being set up counts for nothing any more. */
  | 'keyOver'
  /** The session is not trusted enough, or not any more. */
  | 'stepUp'
  /** The state of things does not allow it: too many authenticators, a suspended user. */
  | 'conflict'
  /** No HTTPS: the browser makes no keys. */
  | 'insecure'
  /** What was sealed does not open. */
  | 'unsealed'
  /** Anything else. */
  | 'failed';

export class Failure extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
  }
}

export type Verb = 'open' | 'prove' | 'begin' | 'confirm' | 'finish' | 'cancel' | 'prompt' | 'remember';

/** Milliseconds. The server answers within a few seconds or says that it is busy. */
const PATIENCE = 20_000;

/** Asks for the page of `token`; fails with a `Failure` and nothing else. */
export async function ask(token: string, verb: Verb, body: Record<string, unknown>): Promise<Page> {
  const { said, at } = await exchange(token, verb, body);
  try {
    return pageOf(said, at, location.origin);
  } catch {
    throw new Failure('failed');
  }
}

/** Asks, and answers what was said as it stands, and when by the server's clock; fails with a `Failure` and nothing else. */
export async function exchange(
  token: string,
  verb: Verb,
  body: Record<string, unknown>,
): Promise<{ said: unknown; at: number }> {
  const answer = await post(token, verb, body);
  const said = await content(answer);
  if (!answer.ok) throw failure(verb, answer, said);
  return { said, at: serverTime(answer) };
}

async function post(token: string, verb: Verb, body: Record<string, unknown>): Promise<Response> {
  try {
    return await fetch(`/pages/${verb}`, {
      method: 'POST',
      // It says which page is meant, and no other site's page can send a header of this name.
      headers: { 'Content-Type': 'application/json', 'X-Countersign-Page': token },
      body: JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Failure('offline');
  }
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

/**
 * This machine's clock may be wrong: times are compared with the server's. Its answer bears whole seconds, so it may be
 * nearly one later than that; a key is rather hidden a moment too soon.
 */
function serverTime(answer: Response): number {
  const said = Date.parse(answer.headers.get('Date') ?? '');
  return Number.isNaN(said) ? Date.now() : said + 1000;
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
  conflict: 'conflict',
  'not-found': 'unknown',
};

const BY_STATUS: Readonly<Record<number, Trouble>> = {
  404: 'unknown',
  409: 'conflict',
  410: 'over',
  429: 'waiting',
};

function failure(verb: Verb, answer: Response, said: unknown): Failure {
  const problem = (said ?? {}) as { type?: unknown };
  const slug = typeof problem.type === 'string' ? (problem.type.split('/').at(-1) ?? '') : '';
  const byStatus =
    BY_STATUS[answer.status] ?? (answer.status >= 502 && answer.status <= 504 ? 'busy' : 'failed');
  // All that is asked with, this page makes itself, but for the token in its address.
  if (slug === 'invalid-request' && verb === 'open') return new Failure('unknown');
  return new Failure(BY_TYPE[slug] ?? byStatus);
}
