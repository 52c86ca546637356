/** What the server does for hosted pages, in memory: the same verbs, states and problems, with codes, seals and signatures that are real. */

import { createHash, randomBytes, webcrypto } from 'node:crypto';

import { joined } from '../../src/remember/fields.ts';

import type { Body, Page, Prompt, Step, Wish } from './page.ts';
import { digits, id, FREE_SERIAL, Person, TOKEN_CODE, type Authenticator, type Kind } from './people.ts';
import { challenge, promptOf, returnTo, taskOf, time, viewSeen } from './seen.ts';
import { accepts, base32 } from './totp.ts';
import { asserted, registered, type Passkey } from './webauthn.ts';

export type { Wish } from './page.ts';
export { BACKUP_CODE, FREE_SERIAL, KEY, Person, TOKEN_CODE } from './people.ts';

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
  ) {
    super(type);
  }
}

const FACTORS: Kind[] = ['webauthn', 'push', 'totp', 'hotp', 'sms', 'email'];
const LEVELS = { webauthn: 'aal3', push: 'aal2', totp: 'aal2', hotp: 'aal2', sms: 'aal1', email: 'aal1' };
const WEAK: Kind[] = ['sms', 'email'];
const MOST_SENDS = 3;
const LONGEST_WAIT = 25_000;

/** Codes that the browsers of pages were given. */
const CODES = new Map<string, Page>();

/**
 * What the application does with a code that a browser brings (`POST /v1/pages/{id}/redeem`): the address that it leads the browser
 * to; null where it is another browser than it sent, whose page is over then.
 */
export function redeem(code: string): string | null {
  const page = CODES.get(code);
  CODES.delete(code);
  if (!page) return null;
  if (page.wish.handedOn) page.outcome = 'refused';
  else page.redeemed = true;
  return page.redeemed ? `${page.origin}/${page.wish.purpose}/${page.token}` : null;
}

export class Pages {
  readonly #pages = new Map<string, Page>();
  /** The person's browsers that are remembered, with their keys. */
  readonly browsers = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Answers that are given instead of the true ones, the next first. */
  readonly faults: Problem[] = [];
  /** What becomes of the next answers: lost before it began (browsers ask again by themselves then), or on its way. */
  readonly losses: ('before' | 'within')[] = [];
  /** What pages for signing in are like that browsers make. */
  signingIn: Partial<Wish> = {};
  /** What was asked, for tests that count. */
  readonly asked: string[] = [];

  /** Makes a page; answers its token. */
  create(wish: Wish, token = randomBytes(32).toString('base64url')): string {
    const has: Kind[] = wish.has ?? (wish.purpose === 'enroll' ? [] : ['totp', 'backup_codes']);
    const person = wish.person ?? new Person(has);
    const first = {
      challenge: 'prove',
      enroll: person.usable.length > 0 ? 'prove' : 'choose',
      security: 'overview',
      sign_in: 'prove',
      task: 'decide',
    };
    this.#pages.set(token, {
      id: id('pag'),
      token,
      wish,
      origin: '',
      redeemed: false,
      person,
      expires: Date.now() + (wish.lifetime ?? 600_000),
      browser: null,
      step: first[wish.purpose] as Step,
      prompt: null,
      enrollment: null,
      codes: [],
      wrong: 0,
      outcome: null,
      trusted: wish.mayChange ?? false,
      pending: null,
      replaces: null,
      verdict: null,
      weak: false,
      waiters: [],
      asked: null,
    });
    return token;
  }

  /** Makes a page for a browser that comes to sign in. @throws a Problem */
  arrive({ return_to, state }: Body, browser: string, origin: string): { token: string; page: object } {
    this.asked.push('sign-in');
    const fault = this.faults.shift();
    if (fault) throw fault;
    if (!/^[\w-]{43}$/.test(String(state))) throw new Problem(422, 'invalid-request');
    const returnUrl = String(return_to);
    const shown = { site: new URL(returnUrl).origin };
    const token = this.create({ ...this.signingIn, purpose: 'sign_in', shown, returnUrl, has: ['webauthn'] });
    const page = this.#pages.get(token);
    if (!page) throw new Error('no such page');
    Object.assign(page, { browser, origin, redeemed: true });
    return { token, page: this.#state(page) };
  }

  has(token: string): boolean {
    return this.#pages.has(token);
  }

  /** The key that was handed out last, for tests that play the authenticator app. */
  secret(token: string): string {
    return this.#pages.get(token)?.enrollment?.secret ?? '';
  }

  /** The code that was sent last, for tests that play the phone or the mailbox. */
  sent(token: string): string {
    const page = this.#pages.get(token);
    return (page?.step === 'view' ? page.enrollment?.prompt : page?.prompt)?.code ?? '';
  }

  person(token: string): Person {
    const page = this.#pages.get(token);
    if (!page) throw new Error('no such page');
    return page.person;
  }

  /** What the authenticator app does: comes by a link and connects itself or does not, or answers what it was asked. */
  phone(token: string, does: 'come' | 'connect' | 'refuse' | 'approve' | 'deny', number?: string) {
    const page = this.#pages.get(token);
    if (!page) throw new Error('no such page');
    if (does === 'come') {
      // By the link, which is over with that: from here on a number is asked for.
      if (page.enrollment) page.enrollment.came = true;
    } else if (does === 'connect') {
      this.#activate(page, { to: null });
    } else if (does === 'refuse') {
      page.enrollment = null;
      page.step = 'choose';
    } else if (page.prompt?.kind === 'push') {
      // The first wrong number ends it (T-15).
      const right = does === 'approve' && number === page.prompt.number;
      if (right) this.#proved(page);
      else page.prompt.state = 'denied';
    }
    for (const waiter of page.waiters.splice(0)) waiter();
  }

  /** Carries out a verb. @throws a Problem */
  async answer(token: string, verb: string, body: Body, browser: string, origin: string): Promise<object> {
    this.asked.push(verb);
    const fault = verb === 'wait' ? undefined : this.faults.shift();
    if (fault) throw fault;
    const page = this.#pages.get(token);
    if (!page)
      throw /^[\w-]{43}$/.test(token) ? new Problem(410, 'page-over') : new Problem(422, 'invalid-request');
    if (verb === 'open') return this.#open(page, browser, origin);
    if (page.browser !== browser) throw new Problem(403, 'page-opened-elsewhere');
    if (Date.now() >= page.expires) throw new Problem(410, 'page-over');
    if (!page.redeemed) throw page.outcome ? new Problem(410, 'page-over') : new Problem(409, 'conflict');
    // A finished page still tells its own browser the way back.
    if (page.outcome && (verb === 'finish' || verb === 'cancel')) return this.#state(page);
    if (page.outcome === 'proved' && verb === 'remember') return this.#remember(token, body);
    if (page.outcome) throw new Problem(410, 'page-over');
    if (verb === 'wait') await this.#wait(page);
    else await this.#carryOut(page, verb, body);
    return this.#state(page, verb);
  }

  async #carryOut(page: Page, verb: string, body: Body) {
    switch (verb) {
      case 'prompt':
        if (body.kind === 'browser') return this.#askBrowser(page, String(body.authenticator_id));
        return this.#prompt(page, body);
      case 'prove':
        if (body.browser) return this.#proveByBrowser(page, body);
        return this.#prove(page, body);
      case 'begin':
        return this.#begin(page, body);
      case 'confirm':
        return this.#confirm(page, body);
      case 'finish':
        return this.#finish(page);
      case 'cancel':
        return this.#cancel(page);
    }
    if (verb === 'task/decide') return this.#decide(page, body);
    if (!verb.startsWith('security/') || page.wish.purpose !== 'security')
      throw new Problem(404, 'not-found');
    if (page.step !== 'overview') throw new Problem(409, 'conflict');
    page.pending = { verb, body };
    if (page.trusted || page.person.usable.length === 0) this.#change(page);
    else page.step = 'prove';
  }

  #decide(page: Page, { verdict, evidence }: Body) {
    if (page.step !== 'decide' || page.verdict) throw new Problem(409, 'conflict');
    const task = taskOf(page.wish);
    const seen = evidence as string[];
    if (verdict === 'approve' && task.evidence.some((one) => !seen.includes(one)))
      throw new Problem(422, 'invalid-request');
    page.verdict = verdict as 'approve' | 'reject';
    page.wish = {
      ...page.wish,
      action: `task.${page.verdict}`,
      shown: {
        about: task.about,
        display_name: task.display_name,
        message: task.message,
        workflow: task.workflow,
      },
    };
    if (task.level === 'aal1') this.#decided(page);
    else page.step = 'prove';
  }

  #decided(page: Page) {
    this.#end(page, page.verdict === 'approve' ? 'approved' : 'rejected');
  }

  #open(page: Page, browser: string, origin: string): object {
    if (page.outcome || Date.now() >= page.expires) throw new Problem(410, 'page-over');
    page.browser ??= browser;
    if (page.browser !== browser) throw new Problem(403, 'page-opened-elsewhere');
    page.origin = origin;
    if (!page.redeemed) return this.#toBeRedeemed(page);
    if (page.step === 'backup_codes') this.#goOn(page);
    if (page.outcome) throw new Problem(410, 'page-over');
    return this.#state(page, 'open');
  }

  #toBeRedeemed(page: Page): object {
    const code = createHash('sha256').update(`${page.token} ${page.browser}`).digest('base64url').repeat(2);
    CODES.set(code, page);
    const nothing = { challenge: null, factors: [], backup_codes: [], overview: null, task: null };
    const to = returnTo(page, { code });
    return { ...this.#state(page, 'open'), ...nothing, step: 'redeem', return_to: to };
  }

  async #wait(page: Page) {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, LONGEST_WAIT);
      page.waiters.push(() => (clearTimeout(timer), done()));
    });
  }

  #prompt(page: Page, body: Body) {
    const enrolling = page.step === 'view' && page.enrollment ? page.enrollment.prompt : null;
    if (page.step !== 'prove' && !enrolling) throw new Problem(409, 'conflict');
    const kind = body.kind as Kind;
    const before = enrolling ?? (page.prompt?.kind === kind ? page.prompt : null);
    const again =
      before?.resendAt !== undefined && before !== null && before.state === 'open' && kind !== 'webauthn';
    if (again && (before.resendAt === null || Date.now() < before.resendAt) && Date.now() < before.expires)
      throw new Problem(429, 'sent-already');
    const authenticator = page.person
      .of(kind)
      .find((one) => !body.authenticator_id || one.id === body.authenticator_id);
    if (!authenticator && !enrolling) throw new Problem(404, 'not-found');
    const prompt = this.#newPrompt(page, kind, authenticator ?? null, (before?.sends ?? 0) + 1);
    if (enrolling && page.enrollment) page.enrollment.prompt = { ...prompt, to: enrolling.to };
    else page.prompt = prompt;
  }

  #askBrowser(page: Page, browser: string) {
    const asked = id('prm');
    const fields = ['countersign browser proof v1', asked, page.id].map(bytesOf);
    page.asked = { id: asked, browser, bytes: joined(...fields, new Uint8Array(randomBytes(32))) };
  }

  async #proveByBrowser(page: Page, body: Body) {
    const asked = page.asked?.id === body.prompt_id ? page.asked : null;
    const key = asked && this.browsers.get(asked.browser);
    page.asked = null;
    if (!key || !(await isSigned(key, asked.bytes, String(body.browser))))
      throw new Problem(422, 'proof-rejected');
    this.#end(page, 'proved');
  }

  async #remember(token: string, body: Body): Promise<object> {
    const key = new Uint8Array(Buffer.from(String(body.public_key), 'base64url'));
    const bytes = joined(bytesOf('countersign browser key v1'), bytesOf(token), key);
    if (!(await isSigned(key, bytes, String(body.signature)))) throw new Problem(422, 'invalid-request');
    const remembered = `ath_${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
    this.browsers.set(remembered, key);
    return { authenticator_id: remembered, expires_at: time(Date.now() + 30 * 86_400_000) };
  }

  #remembered(): object {
    return { lifetime: 30 * 86_400, browsers: [...this.browsers.keys()] };
  }

  #newPrompt(page: Page, kind: Kind, authenticator: Authenticator | null, sends: number): Prompt {
    const resend = kind === 'webauthn' || kind === 'push' || sends >= MOST_SENDS;
    return {
      id: id('prm'),
      kind,
      authenticator,
      state: 'open',
      expires: Date.now() + (page.wish.promptLifetime ?? 120_000),
      resendAt: resend ? null : Date.now() + (page.wish.resendAfter ?? 30_000),
      to: authenticator?.to ?? null,
      number: kind === 'push' ? digits(2) : null,
      code: kind === 'sms' || kind === 'email' ? digits(6) : null,
      challenge: kind === 'webauthn' ? randomBytes(32).toString('base64url') : null,
      sends,
    };
  }

  #prove(page: Page, body: Body) {
    if (page.step !== 'prove') throw new Problem(409, 'conflict');
    if (page.wrong >= 5) throw new Problem(410, 'challenge-over');
    if (!this.#isProof(page, body)) {
      page.wrong += 1;
      throw new Problem(422, 'proof-rejected');
    }
    this.#proved(page);
  }

  #isProof(page: Page, { code, prompt_id, webauthn }: Body): boolean {
    if (prompt_id === undefined) return page.person.proves(String(code));
    const { prompt } = page;
    if (prompt?.id !== prompt_id) return false;
    if (prompt.kind !== 'webauthn')
      return prompt.code !== null && code === prompt.code && Date.now() < prompt.expires;
    try {
      const passkeys = page.person.of('webauthn').map((one) => one.passkey);
      asserted(
        webauthn,
        prompt.challenge ?? '',
        passkeys.filter((one): one is Passkey => one !== null),
      );
      return true;
    } catch {
      return false;
    } finally {
      // Each question is answered once.
      page.prompt = null;
    }
  }

  #proved(page: Page) {
    page.prompt = null;
    page.trusted = true;
    page.person.happened('authenticator.verified');
    if (page.wish.purpose === 'challenge' || page.wish.purpose === 'sign_in') this.#end(page, 'proved');
    else if (page.wish.purpose === 'task') this.#decided(page);
    else if (page.wish.purpose === 'enroll') page.step = 'choose';
    else this.#change(page);
  }

  #begin(page: Page, body: Body) {
    if (!['choose', 'view', 'stronger'].includes(page.step)) throw new Problem(409, 'conflict');
    const kind = body.kind as Kind;
    const to = this.#checked(kind, body);
    const prompt = this.#newPrompt(page, kind, null, 1);
    page.enrollment = {
      id: id('ath'),
      kind,
      secret: kind === 'totp' ? base32(randomBytes(20)) : null,
      prompt: { ...prompt, to },
      to,
      recipientKey: String(body.recipient_key ?? ''),
      viewUntil: Date.now() + (page.wish.viewLifetime ?? 300_000),
      came: false,
    };
    page.step = 'view';
  }

  /** What was typed, masked. */
  #checked(kind: Kind, { address, serial }: Body): string | null {
    const said = String(address);
    if (kind === 'hotp' && serial !== FREE_SERIAL) throw new Problem(422, 'serial-unknown');
    if (kind === 'sms' && said.startsWith('+850')) throw new Problem(422, 'country-blocked');
    if (kind === 'sms' && said.length < 11) throw new Problem(422, 'number-invalid');
    if (kind === 'sms') return `••• ${said.slice(-4)}`;
    if (kind === 'email' && said.endsWith('.invalid')) throw new Problem(422, 'address-invalid');
    return kind === 'email' ? `${said[0] ?? ''}•••${said.slice(said.indexOf('@'))}` : null;
  }

  #confirm(page: Page, body: Body) {
    const { enrollment } = page;
    if (page.step !== 'view' || !enrollment) throw new Problem(409, 'conflict');
    const { kind, secret, prompt } = enrollment;
    if (kind === 'webauthn') {
      try {
        const passkey = registered(body.webauthn, prompt.challenge ?? '');
        return this.#activate(page, { passkey });
      } catch {
        throw new Problem(422, 'proof-rejected');
      }
    }
    const right =
      kind === 'totp'
        ? accepts(secret ?? '', body.code)
        : body.code === (kind === 'hotp' ? TOKEN_CODE : (prompt.code ?? 'none'));
    if (!right) throw new Problem(422, 'proof-rejected');
    this.#activate(page, { secret, to: enrollment.to });
  }

  #activate(page: Page, more: Partial<Authenticator>) {
    const { enrollment, person } = page;
    if (!enrollment) throw new Error('nothing is being enrolled');
    const had = person.of('backup_codes').length > 0;
    const { kind } = enrollment;
    person.add(kind, {
      id: enrollment.id,
      createdAt: Date.now(),
      lastUsedAt: null,
      codes: new Set(),
      ...more,
    });
    person.happened('authenticator.activated');
    for (const old of person.authenticators) if (old.id === page.replaces) old.state = 'revoked';
    page.enrollment = null;
    page.replaces = null;
    page.weak = WEAK.includes(kind);
    page.codes = had ? [] : person.newCodes();
    if (!had) page.step = 'backup_codes';
    else this.#goOn(page);
  }

  /** After an enrollment. */
  #goOn(page: Page) {
    const stronger = page.weak && this.#stronger(page).length > 0;
    if (stronger && page.step !== 'stronger') page.step = 'stronger';
    else if (page.wish.purpose === 'security') page.step = 'overview';
    else this.#end(page, 'enrolled');
    page.weak = false;
  }

  #finish(page: Page) {
    const isOwn = page.wish.purpose === 'security';
    if (page.step === 'overview' || (isOwn && page.step === 'backup_codes')) this.#end(page, 'left');
    else if (page.step === 'backup_codes' || page.step === 'stronger') this.#end(page, 'enrolled');
    else throw new Problem(409, 'conflict');
    page.codes = [];
  }

  #cancel(page: Page) {
    if (page.wish.purpose !== 'security') this.#end(page, 'cancelled');
    else if (page.step === 'overview') this.#end(page, 'left');
    else page.step = 'overview';
    page.pending = null;
    page.prompt = null;
    page.enrollment = null;
  }

  #end(page: Page, outcome: string) {
    page.step = 'done';
    page.outcome = outcome;
  }

  /** Carries out what the person wanted before the proof. */
  #change(page: Page) {
    const { person, pending } = page;
    if (!pending) throw new Error('nothing is to be changed');
    const { verb, body } = pending;
    const held = person.authenticators.find((one) => one.id === body.authenticator_id);
    page.pending = null;
    page.step = 'overview';
    if (verb === 'security/add') page.step = 'choose';
    else if (verb === 'security/backup-codes') {
      page.codes = person.newCodes();
      page.step = 'backup_codes';
      person.happened('backup_codes.renewed');
    } else if (verb === 'security/sign-out') {
      const { session_id } = body;
      person.sessions = person.sessions.filter((one) => one.current || (session_id && one.id !== session_id));
      person.happened('session.ended');
    } else if (!held) throw new Problem(404, 'not-found');
    else if (verb === 'security/rename') {
      held.label = String(body.label);
      person.happened('authenticator.renamed');
    } else if (verb === 'security/replace') {
      page.replaces = held.id;
      page.step = 'choose';
    } else {
      held.state = verb === 'security/lost' ? 'lost' : 'revoked';
      person.happened(verb === 'security/lost' ? 'authenticator.lost' : 'authenticator.revoked');
    }
  }

  #stronger(page: Page): Kind[] {
    const held = page.person.usable.map((one) => one.kind);
    return (page.wish.factors ?? FACTORS).filter(
      (kind) => !WEAK.includes(kind) && kind !== 'hotp' && !held.includes(kind),
    );
  }

  #state(page: Page, verb = ''): object {
    const { wish, step, person } = page;
    const factors = { choose: wish.factors ?? FACTORS, stronger: this.#stronger(page) }[step as string] ?? [];
    return {
      purpose: wish.purpose,
      application: wish.application ?? 'Shop',
      brand: wish.brand ?? null,
      expires_at: time(page.expires),
      step,
      challenge: step === 'prove' || wish.purpose === 'challenge' ? challenge(page) : null,
      prompt: step === 'prove' ? promptOf(page) : null,
      remember: step === 'prove' && wish.remembers ? this.#remembered() : null,
      factors: factors.map((kind) => ({ kind, strength: LEVELS[kind as keyof typeof LEVELS] })),
      view: step === 'view' && page.enrollment ? viewSeen(page, page.enrollment, verb === 'begin') : null,
      backup_codes:
        step === 'backup_codes' && ['confirm', 'wait', 'prove', 'security/backup-codes'].includes(verb)
          ? page.codes
          : [],
      return_to: step === 'done' ? returnTo(page, { outcome: page.outcome ?? '' }) : null,
      overview: step === 'overview' ? person.overview(page.trusted) : null,
      task: step === 'decide' ? taskOf(wish) : null,
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
