/** What the server does for hosted pages, in memory: the same verbs, states and problems, with codes and seals that are real. */

import { randomBytes } from 'node:crypto';

import { seal } from './seal.ts';
import { base32, totp } from './totp.ts';

/** The authenticator and the backup code of everybody who has some already. */
export const KEY = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const BACKUP_CODE = '7Q3W-9K2M-X4TZ';

export interface Wish {
  purpose: 'challenge' | 'enroll';
  application?: string;
  returnUrl?: string;
  state?: string;
  action?: string;
  shown?: Record<string, unknown>;
  methods?: string[];
  brand?: unknown;
  /** Milliseconds. */
  lifetime?: number;
  viewLifetime?: number;
  /** Whether an authenticator has to be proved before another is added. */
  hasAuthenticator?: boolean;
  /** Seals for another authenticator than it says. */
  sealsWrongly?: boolean;
}

interface Page {
  id: string;
  wish: Wish;
  expires: number;
  browser: string | null;
  step: 'prove' | 'choose' | 'view' | 'done';
  secret: string | null;
  wrong: number;
  outcome: string | null;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
  ) {
    super(type);
  }
}

type Body = Record<string, unknown>;

export class Pages {
  readonly #pages = new Map<string, Page>();
  /** Answers that are given instead of the true ones, the next first. */
  readonly faults: Problem[] = [];
  /** What becomes of the next answers: lost before it began (browsers ask again by themselves then), or on its way. */
  readonly losses: ('before' | 'within')[] = [];

  /** Makes a page; answers its token. */
  create(wish: Wish, token = randomBytes(32).toString('base64url')): string {
    const step = wish.purpose === 'challenge' || wish.hasAuthenticator ? 'prove' : 'choose';
    this.#pages.set(token, {
      id: `pag_${randomBytes(16).toString('hex')}`,
      wish,
      expires: Date.now() + (wish.lifetime ?? 600_000),
      browser: null,
      step,
      secret: null,
      wrong: 0,
      outcome: null,
    });
    return token;
  }

  has(token: string): boolean {
    return this.#pages.has(token);
  }

  /** The key that was handed out last, for tests that play the authenticator app. */
  secret(token: string): string {
    return this.#pages.get(token)?.secret ?? '';
  }

  /** Carries out a verb. @throws a Problem */
  answer(token: string, verb: string, body: Body, browser: string): object {
    const fault = this.faults.shift();
    if (fault) throw fault;
    const page = this.#pages.get(token);
    if (!page)
      throw /^[\w-]{43}$/.test(token) ? new Problem(410, 'page-over') : new Problem(422, 'invalid-request');
    if (verb === 'open') return this.#open(page, browser);
    if (page.browser !== browser) throw new Problem(403, 'page-opened-elsewhere');
    if (Date.now() >= page.expires) throw new Problem(410, 'page-over');
    // A finished page still tells its own browser the way back.
    if (page.outcome && (verb === 'finish' || verb === 'cancel')) return this.#finished(page, page.outcome);
    if (page.outcome) throw new Problem(410, 'page-over');
    switch (verb) {
      case 'prove':
        return this.#prove(page, String(body.code));
      case 'begin':
        return this.#begin(page, String(body.recipient_key));
      case 'confirm':
        return this.#confirm(page, String(body.code));
      case 'finish':
        throw new Problem(409, 'conflict');
      case 'cancel':
        return this.#finished(page, 'cancelled');
      default:
        throw new Problem(404, 'not-found');
    }
  }

  #open(page: Page, browser: string): object {
    if (page.outcome || Date.now() >= page.expires) throw new Problem(410, 'page-over');
    page.browser ??= browser;
    if (page.browser !== browser) throw new Problem(403, 'page-opened-elsewhere');
    return this.#state(page);
  }

  #prove(page: Page, code: string): object {
    if (page.step !== 'prove') throw new Problem(409, 'conflict');
    const right = code === totp(KEY) || code === BACKUP_CODE;
    if (page.wrong >= 5) throw new Problem(410, 'challenge-over');
    if (!right) page.wrong += 1;
    if (!right) throw new Problem(422, 'proof-rejected');
    if (page.wish.purpose === 'challenge') return this.#finished(page, 'proved');
    page.step = 'choose';
    return this.#state(page);
  }

  #begin(page: Page, recipientKey: string): object {
    if (page.step !== 'choose' && page.step !== 'view') throw new Problem(409, 'conflict');
    page.step = 'view';
    page.secret = base32(randomBytes(20));
    const issuer = encodeURIComponent(page.wish.application ?? 'Shop');
    const uri = `otpauth://totp/${issuer}:ana?secret=${page.secret}&issuer=${issuer}&algorithm=SHA1&digits=6&period=30`;
    const id = `ath_${randomBytes(16).toString('hex')}`;
    const sealedFor = page.wish.sealsWrongly ? `ath_${'0'.repeat(32)}` : id;
    const sealed = seal(recipientKey, sealedFor, JSON.stringify({ uri, secret: page.secret }));
    const until = new Date(Date.now() + (page.wish.viewLifetime ?? 300_000)).toISOString();
    return { ...this.#state(page), view: { sealed, authenticator_id: id, view_expires_at: until } };
  }

  #confirm(page: Page, code: string): object {
    if (page.step !== 'view' || page.secret === null) throw new Problem(409, 'conflict');
    if (code !== totp(page.secret)) throw new Problem(422, 'proof-rejected');
    page.secret = null;
    if (page.wish.hasAuthenticator) return this.#finished(page, 'enrolled');
    page.outcome = 'enrolled';
    return {
      ...this.#state(page),
      step: 'backup_codes',
      backup_codes: Array.from({ length: 10 }, backupCode),
    };
  }

  #finished(page: Page, outcome: string): object {
    page.step = 'done';
    page.outcome = outcome;
    const to = new URL(page.wish.returnUrl ?? 'http://localhost/back');
    if (page.wish.state) to.searchParams.set('state', page.wish.state);
    to.searchParams.set('page', page.id);
    to.searchParams.set('outcome', outcome);
    return { ...this.#state(page), return_to: to.href };
  }

  #state({ wish, step, expires }: Page): object {
    return {
      purpose: wish.purpose,
      application: wish.application ?? 'Shop',
      brand: wish.brand,
      expires_at: new Date(expires).toISOString(),
      step,
      challenge: wish.purpose === 'challenge' ? challenge(wish) : null,
      factors: wish.purpose === 'enroll' ? [{ kind: 'totp', strength: 'strong' }] : [],
    };
  }
}

function challenge({ action, methods, shown }: Wish): object {
  return { action: action ?? 'transfer', methods: methods ?? ['totp', 'backup_codes'], shown: shown ?? {} };
}

function backupCode(): string {
  const letters = [...randomBytes(12)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('');
  return letters.replace(/(.{4})(.{4})/, '$1-$2-');
}
