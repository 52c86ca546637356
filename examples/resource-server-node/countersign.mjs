/**
 * Lets in whoever shows an assertion of Countersign that is good enough; tells everybody else what is wanted (RFC 9470).
 *
 * For Node.js 20 or later, without a package. `Guard.protect` wraps a request listener of node:http; `Guard.check` is for anything else.
 */

import { createHash, createPublicKey, verify } from 'node:crypto';

const TYP = 'countersign-assertion+jwt';
const LEVELS = ['aal1', 'aal2', 'aal3'];
const TEXTS = ['iss', 'aud', 'sub', 'jti', 'acr', 'action', 'action_hash'];
const TIMES = ['iat', 'nbf', 'exp', 'auth_time'];
/** What would have a header say where its key is, or how it is to be read. */
const STRANGE = ['crit', 'b64', 'jku', 'x5u', 'x5c', 'zip', 'enc'];
/** Members of a key that make it a secret. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const LEEWAY = 5; // seconds by which clocks may differ
const PROOF_LIFETIME = 60; // seconds that a proof of possession is good for
const FRESH = 600; // seconds after which keys are fetched anew
const STALE = 24 * 3600; // seconds after which keys are good for nothing
const COOL_DOWN = 30; // seconds between two tries to fetch them
const MAX_KEYS_BYTES = 64 * 1024;
const MAX_TOKEN_BYTES = 16 * 1024;
const MOST_PROOFS = 100_000;

/** Why a request is not let in: a status, and what WWW-Authenticate says. */
export class Refused extends Error {
  constructor({ error, description = '', scheme = 'Bearer', status = 401 } = {}) {
    super(description || error || 'no assertion');
    Object.assign(this, { error, description, scheme, status });
  }

  challenge(need) {
    const said = [];
    if (this.error) said.push(`error="${this.error}"`, `error_description="${this.description}"`);
    if (need.level) said.push(`acr_values="${LEVELS.slice(LEVELS.indexOf(need.level)).join(' ')}"`);
    if (need.maxAge !== undefined) said.push(`max_age="${need.maxAge}"`);
    if (this.scheme === 'DPoP') said.push('algs="ES256 EdDSA"');
    return `${this.scheme} ${said.join(', ')}`.trimEnd();
  }
}

const invalid = (scheme) => new Refused({ error: 'invalid_token', description: 'the assertion is not accepted', scheme });
const unbound = () =>
  new Refused({ error: 'invalid_token', description: 'the assertion has to be shown with the key that it is bound to', scheme: 'DPoP' });
const badProof = (description) => new Refused({ error: 'invalid_dpop_proof', description, scheme: 'DPoP' });

/** One for a program: it knows the keys, and which proofs of possession were seen. */
export class Guard {
  #keys = new Map();
  #fetchedAt;
  #triedAt;
  #fetching;
  #seen = new Map();

  /**
   * @param {object} settings `issuer` is Countersign's public_url, `audiences` are the applications whose assertions are accepted, `origin` is where
   *   clients reach this server: set it, and never take it from a request.
   */
  constructor({ issuer, audiences, origin, clock = () => Date.now() / 1000 }) {
    const { protocol, hostname } = new URL(issuer);
    if (protocol !== 'https:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
      throw new Error('whoever is on the way could change the keys: the issuer has to be https');
    Object.assign(this, { issuer, audiences: new Set(audiences), origin: origin.replace(/\/+$/, ''), clock });
  }

  /** A request listener that calls `listener` with the claims as its third argument. */
  protect(need, listener) {
    return async (request, response) => {
      let claims;
      try {
        claims = await this.check(request, need);
      } catch (refused) {
        if (!(refused instanceof Refused)) throw refused;
        response.setHeader('Cache-Control', 'no-store');
        if (refused.status === 401) response.setHeader('WWW-Authenticate', refused.challenge(need));
        else response.setHeader('Retry-After', '1');
        response.writeHead(refused.status).end();
        return;
      }
      await listener(request, response, claims);
    };
  }

  /** What the assertion of a request says; throws Refused where it is not let in. */
  async check(request, need = {}) {
    const [authorization] = one(request, 'authorization');
    const [, name = '', token = ''] = /^(bearer|dpop) +(\S+) *$/i.exec(authorization ?? '') ?? [];
    const scheme = { bearer: 'Bearer', dpop: 'DPoP' }[name.toLowerCase()];
    if (!scheme) throw new Refused({ scheme: need.bound ? 'DPoP' : 'Bearer' });
    const claims = await this.#claims(token, scheme);
    this.#possession(claims, scheme, token, request, need);
    const lacking = this.#lacking(claims, need);
    if (lacking)
      throw new Refused({
        error: 'insufficient_user_authentication',
        description: lacking,
        scheme: claims.cnf?.jkt ? 'DPoP' : 'Bearer',
      });
    return claims;
  }

  async #claims(token, scheme) {
    const parts = read(token, TYP);
    if (!parts || parts.header.alg !== 'ES256' || 'jwk' in parts.header) throw invalid(scheme);
    const key = await this.#key(parts.header.kid);
    const claims = key && parts.signedBy(key, 'ES256');
    const now = this.clock();
    const isGood =
      claims &&
      TEXTS.every((name) => typeof claims[name] === 'string') &&
      TIMES.every((name) => Number.isSafeInteger(claims[name])) &&
      Array.isArray(claims.amr) &&
      LEVELS.includes(claims.acr) &&
      claims.iss === this.issuer &&
      this.audiences.has(claims.aud) &&
      Math.max(claims.nbf, claims.iat, claims.auth_time) <= now + LEEWAY &&
      now < claims.exp &&
      isKnownBinding(claims.cnf);
    if (!isGood) throw invalid(scheme);
    return claims;
  }

  #possession(claims, scheme, token, request, need) {
    if (claims.cnf === undefined && scheme === 'Bearer' && !need.bound) return;
    if (claims.cnf?.['x5t#S256'] && scheme === 'Bearer') {
      // Of this connection alone: whoever ends TLS elsewhere has to see to it there.
      const certificate = request.socket.authorized && request.socket.getPeerCertificate?.().raw;
      if (certificate && sha256(certificate) === claims.cnf['x5t#S256']) return;
      throw unbound();
    }
    if (!claims.cnf?.jkt || scheme !== 'DPoP') throw unbound();
    const proof = this.#proof(one(request, 'dpop'), request, token);
    if (!proof) throw badProof('the proof of possession is not accepted');
    if (proof.jkt !== claims.cnf.jkt) throw unbound();
    if (!this.#isFirst(`${proof.jkt} ${proof.jti}`, proof.until)) throw badProof('the proof of possession came before');
  }

  /** Checks a proof of possession (RFC 9449 §4.3). */
  #proof([text, ...more], request, token) {
    const parts = more.length === 0 && text !== undefined && read(text, 'dpop+jwt');
    const jwk = parts?.header?.jwk;
    if (!jwk || typeof jwk !== 'object' || 'kid' in parts.header || PRIVATE.some((name) => name in jwk)) return undefined;
    const kind = [parts.header.alg, jwk.kty, jwk.crv].join(' ');
    const members = { 'ES256 EC P-256': ['crv', 'kty', 'x', 'y'], 'EdDSA OKP Ed25519': ['crv', 'kty', 'x'] }[kind];
    if (!members) return undefined;
    const bare = Object.fromEntries(members.map((name) => [name, jwk[name]]));
    const claims = parts.signedBy(bare, parts.header.alg);
    const path = request.url.split(/[?#]/)[0];
    const now = this.clock();
    const isGood =
      claims &&
      claims.htm === request.method &&
      canonical(claims.htu) !== undefined &&
      canonical(claims.htu) === canonical(this.origin + path) &&
      claims.ath === sha256(token) &&
      Number.isSafeInteger(claims.iat) &&
      claims.iat <= now + LEEWAY &&
      now < claims.iat + PROOF_LIFETIME &&
      typeof claims.jti === 'string' &&
      claims.jti.length >= 1 &&
      claims.jti.length <= 256;
    return isGood ? { jkt: sha256(compact(bare)), jti: claims.jti, until: claims.iat + PROOF_LIFETIME } : undefined;
  }

  #isFirst(name, until) {
    const now = this.clock();
    if (this.#seen.size >= MOST_PROOFS) for (const [seen, end] of this.#seen) if (end <= now) this.#seen.delete(seen);
    if ((this.#seen.get(name) ?? 0) > now || this.#seen.size >= MOST_PROOFS) return false;
    this.#seen.set(name, until);
    return true;
  }

  #lacking(claims, need) {
    if (need.level && LEVELS.indexOf(claims.acr) < LEVELS.indexOf(need.level)) return 'a different authentication level is required';
    if (need.maxAge !== undefined && this.clock() - claims.auth_time > need.maxAge + LEEWAY) return 'more recent authentication is required';
    if (need.action && need.action !== claims.action) return 'authentication for this action is required';
    return undefined;
  }

  /** A key that assertions are signed with. While none can be fetched, those that are known serve for a day. */
  async #key(kid) {
    const since = (at) => (at === undefined || at > this.clock() ? Infinity : this.clock() - at);
    const wait = this.#fetchedAt === undefined ? 1 : COOL_DOWN;
    if ((!this.#keys.has(kid) || since(this.#fetchedAt) >= FRESH) && (this.#fetching || since(this.#triedAt) >= wait)) {
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
      // Who has a key goes on with it while others are fetched.
      if (!this.#keys.has(kid)) await this.#fetching;
    }
    if (since(this.#fetchedAt) >= STALE) throw new Refused({ status: 503 });
    return this.#keys.get(kid);
  }

  async #fetch() {
    this.#triedAt = this.clock();
    try {
      const url = `${this.issuer.replace(/\/+$/, '')}/.well-known/jwks.json`;
      const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(5000) });
      const text = answer.ok ? await answer.text() : '';
      if (!text || text.length > MAX_KEYS_BYTES) return;
      const ours = JSON.parse(text).keys.filter((key) => key.kty === 'EC' && key.crv === 'P-256' && (key.use ?? 'sig') === 'sig');
      this.#keys = new Map(ours.map(({ kid, kty, crv, x, y }) => [kid, { kty, crv, x, y }]));
      this.#fetchedAt = this.#triedAt;
    } catch {
      // What is known stays.
    }
  }
}

/** Whether this is what was proved or allowed: the action, and everything that it was about. Numbers of the context are to be integers. */
export function isAbout(claims, action, context) {
  const hash = createHash('sha256');
  for (const part of ['countersign action v1', claims.jti, claims.sub, claims.sid ?? '', action, compact(context)]) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  }
  return claims.action === action && claims.action_hash === hash.digest('base64url');
}

/** SHA-256 in base64url. */
export const sha256 = (data) => createHash('sha256').update(data).digest('base64url');

/** JSON with names in the order of their characters, and no white space. */
export function compact(value) {
  if (Array.isArray(value)) return `[${value.map(compact).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${names.map((name) => `${JSON.stringify(name)}:${compact(value[name])}`).join(',')}}`;
}

/** A token in its parts, or undefined. */
function read(token, typ) {
  const [header, payload, signature, ...more] = token.length <= MAX_TOKEN_BYTES ? token.split('.') : [];
  if (signature === undefined || more.length > 0) return undefined;
  const said = json(header);
  if (!said || said.typ !== typ || STRANGE.some((name) => name in said)) return undefined;
  const bytes = Buffer.from(signature, 'base64url');
  if (bytes.toString('base64url') !== signature) return undefined;
  return {
    header: said,
    signedBy(jwk, alg) {
      try {
        const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
        const hash = alg === 'ES256' ? 'sha256' : null;
        return verify(hash, Buffer.from(`${header}.${payload}`), key, bytes) ? json(payload) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** An object in base64url, or undefined. */
function json(part) {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) return undefined;
  try {
    const value = JSON.parse(bytes.toString());
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** All values of a header: two are as good as none. */
function one(request, name) {
  const values = request.headersDistinct[name] ?? [];
  return values.length === 1 ? values : [];
}

/** A binding of a kind that is not known is never taken for none. */
function isKnownBinding(cnf) {
  if (cnf === undefined) return true;
  const names = Object.keys(cnf ?? {});
  return names.length === 1 && ['jkt', 'x5t#S256'].includes(names[0]) && typeof cnf[names[0]] === 'string';
}

/** A URL without query and fragment, and without what says nothing (RFC 3986 §6.2). */
function canonical(url) {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return undefined;
  }
}
