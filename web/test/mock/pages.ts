/** What the server does for hosted pages, in memory: the same verbs, states and problems, with codes and seals that are real. */

import { createHash, randomBytes, webcrypto } from 'node:crypto';

import { joined } from '../../src/remember/fields.ts';

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
  /** Whether browsers are remembered here. */
  remembers?: boolean;
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
  /** What a remembered browser was asked to sign. */
  asked: { id: string; browser: string; bytes: Uint8Array<ArrayBuffer> } | null;
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
  /** The person's browsers that are remembered, with their keys. */
  readonly browsers = new Map<string, Uint8Array<ArrayBuffer>>();
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
      asked: null,
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
  async answer(token: string, verb: string, body: Body, browser: string): Promise<object> {
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
    if (page.outcome === 'proved' && verb === 'remember') return this.#remember(token, body);
    if (page.outcome) throw new Problem(410, 'page-over');
    switch (verb) {
      case 'prompt':
        return this.#prompt(page, String(body.authenticator_id));
      case 'prove':
        if (body.browser) return this.#proveByBrowser(page, body);
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

  #prompt(page: Page, browser: string): object {
    const id = `prm_${randomBytes(16).toString('hex')}`;
    const fields = ['countersign browser proof v1', id, page.id].map(bytesOf);
    page.asked = { id, browser, bytes: joined(...fields, new Uint8Array(randomBytes(32))) };
    const sign = Buffer.from(page.asked.bytes).toString('base64url');
    return { ...this.#state(page), prompt: { id, kind: 'browser', sign } };
  }

  async #proveByBrowser(page: Page, body: Body): Promise<object> {
    const asked = page.asked?.id === body.prompt_id ? page.asked : null;
    const key = asked && this.browsers.get(asked.browser);
    page.asked = null;
    if (!key || !(await isSigned(key, asked.bytes, String(body.browser))))
      throw new Problem(422, 'proof-rejected');
    return this.#finished(page, 'proved');
  }

  async #remember(token: string, body: Body): Promise<object> {
    const key = new Uint8Array(Buffer.from(String(body.public_key), 'base64url'));
    const bytes = joined(bytesOf('countersign browser key v1'), bytesOf(token), key);
    if (!(await isSigned(key, bytes, String(body.signature)))) throw new Problem(422, 'invalid-request');
    const id = `ath_${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
    this.browsers.set(id, key);
    return { authenticator_id: id, expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString() };
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

  #remembered(wish: Wish): object {
    const from = new URL(wish.returnUrl ?? 'http://localhost/back').origin;
    return { lifetime: 30 * 86_400, browsers: [...this.browsers.keys()], from };
  }

  #state({ wish, step, expires }: Page): object {
    return {
      purpose: wish.purpose,
      application: wish.application ?? 'Shop',
      brand: wish.brand,
      expires_at: new Date(expires).toISOString(),
      step,
      challenge: wish.purpose === 'challenge' ? challenge(wish) : null,
      remember: step === 'prove' && wish.remembers ? this.#remembered(wish) : null,
      factors: wish.purpose === 'enroll' ? [{ kind: 'totp', strength: 'strong' }] : [],
    };
  }
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));

async function isSigned(
  point: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array<ArrayBuffer>,
  signature: string,
): Promise<boolean> {
  const { subtle } = webcrypto;
  const key = await subtle.importKey('raw', point, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']);
  const signed = new Uint8Array(Buffer.from(signature, 'base64url'));
  return subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signed, bytes);
}

function challenge({ action, methods, shown }: Wish): object {
  return { action: action ?? 'transfer', methods: methods ?? ['totp', 'backup_codes'], shown: shown ?? {} };
}

function backupCode(): string {
  const letters = [...randomBytes(12)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('');
  return letters.replace(/(.{4})(.{4})/, '$1-$2-');
}
