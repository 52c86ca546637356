/** What the server does for the authenticator app, in memory: the same routes and problems, and signatures that are really checked. */

import { createHash, createPublicKey, randomBytes, randomInt, verify, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

/** As the server sends it with the app. */
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export interface Asked {
  application?: string;
  action?: string;
  shown?: [string, string][];
  place?: string | null;
  digits?: number;
  /** Milliseconds. */
  lifetime?: number;
  version?: number;
}

interface Known {
  readonly id: string;
  readonly key: KeyObject;
  readonly name: string;
  readonly application: string;
  readonly account: string;
  revoked: boolean;
  connected: boolean;
  delivery: unknown;
  readonly streams: Set<ServerResponse>;
}

interface Prompt {
  readonly id: string;
  readonly text: string;
  readonly of: Known;
  readonly connects: boolean;
  readonly number: string;
  readonly expires: number;
  state: string;
}

class Problem extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
  ) {
    super(type);
  }
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest();
const id = (prefix: string) => prefix + randomBytes(16).toString('hex');

function joined(...fields: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field as string);
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(bytes.length));
      return [length, bytes];
    }),
  );
}

export class PushServer {
  readonly known = new Map<string, Known>();
  readonly prompts: Prompt[] = [];
  /** Answers that are given instead of the true ones, the next first; only for requests of the app. */
  readonly faults: { path: string; status: number; type: string }[] = [];
  readonly #links = new Map<string, { application: string; account: string; connects: Asked }>();
  readonly #nonces = new Set<string>();
  /** How far this server's clock is ahead, in milliseconds. */
  ahead = 0;
  vapid: string | null = null;

  constructor(readonly dist: string) {}

  origin = '';

  get now(): number {
    return Date.now() + this.ahead;
  }

  /** A link to connect an account. */
  link(account = 'ana@example.org', application = 'Nimbus Shop', connects: Asked = {}): string {
    const token = randomBytes(32).toString('base64url');
    this.#links.set(token, { application, account, connects });
    return `${this.origin}/authenticator#enroll=${token}`;
  }

  /** Asks whoever connected last, or the one with this account; the number that is to be typed. */
  ask(asked: Asked = {}, account?: string): Prompt {
    const all = [...this.known.values()];
    const of = account ? all.find((one) => one.account === account) : all.at(-1);
    if (!of) throw new Error('nobody connected');
    return this.#ask(of, asked, false);
  }

  /** The number of the prompt that is open. */
  get open(): Prompt {
    const prompt = [...this.prompts].reverse().find(({ state }) => state === 'open');
    if (!prompt) throw new Error('nothing is open');
    return prompt;
  }

  over(prompt: Prompt, state: string): void {
    prompt.state = state;
    this.#tell(prompt.of, 'over', JSON.stringify({ id: prompt.id, state }));
  }

  #ask(of: Known, asked: Asked, connects: boolean): Prompt {
    const now = this.now;
    const digits = asked.digits ?? 2;
    const prompt: Prompt = {
      id: id('prm_'),
      of,
      connects,
      number: String(randomInt(10 ** digits)).padStart(digits, '0'),
      expires: now + (asked.lifetime ?? 120_000),
      state: 'open',
      text: '',
    };
    const text = JSON.stringify({
      v: asked.version ?? 1,
      id: prompt.id,
      authenticator_id: of.id,
      ...(connects ? { enrollment_id: id('enr_') } : { challenge_id: id('chl_') }),
      application: asked.application ?? of.application,
      account: of.account,
      action: asked.action ?? (connects ? 'enroll' : 'Bank transfer'),
      action_hash: sha256(prompt.id).toString('base64url'),
      shown: asked.shown ?? [],
      asked_from: {
        ...(asked.place === null ? {} : { place: asked.place ?? 'Berlin, Germany' }),
        address: '203.0.113.7',
        device: 'Firefox on Linux',
      },
      created_at: new Date(now).toISOString(),
      expires_at: new Date(prompt.expires).toISOString(),
      digits,
    });
    Object.assign(prompt, { text });
    this.prompts.push(prompt);
    this.#tell(of, 'prompt', text);
    return prompt;
  }

  #tell(of: Known, event: string, data: string) {
    for (const stream of of.streams) stream.write(`event: ${event}\ndata: ${data}\n\n`);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const body = await bodyOf(request);
    try {
      if (!path.startsWith('/push/')) return await this.#file(path.split('?')[0] ?? path, response);
      response.setHeader('Date', new Date(this.now).toUTCString());
      const fault = this.faults.findIndex((fault) => fault.path === path);
      if (fault >= 0) {
        const [{ status, type } = { status: 500, type: 'internal' }] = this.faults.splice(fault, 1);
        throw new Problem(status, type);
      }
      const said = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
      if (path === '/push/enroll') return this.#enroll(said, response);
      const device = this.#device(request, path, body);
      if (path === '/push/stream') return this.#stream(device, response);
      this.#json(response, this.#asked(path, device, said));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      response.writeHead(error.status, { 'Content-Type': 'application/problem+json' });
      response.end(JSON.stringify({ type: `/problems/${error.type}`, status: error.status }));
    }
  }

  #asked(path: string, device: Known, said: Record<string, unknown>): object {
    if (path === '/push/pending') {
      const open = this.prompts.filter(
        ({ of, state, expires }) => of === device && state === 'open' && expires > this.now,
      );
      return { prompts: open.map(({ text }) => text), vapid_public_key: this.vapid };
    }
    if (path === '/push/subscribe') {
      device.delivery = said.delivery;
      return {};
    }
    if (path === '/push/answer') return { state: this.#answered(device, said) };
    throw new Problem(404, 'not-found');
  }

  #enroll(said: Record<string, unknown>, response: ServerResponse) {
    const { token, public_key, name, signature } = said as Record<string, string>;
    const link = this.#links.get(token ?? '');
    if (!link) throw new Problem(404, 'not-found');
    const point = Buffer.from(public_key ?? '', 'base64url');
    const x = point.subarray(1, 33).toString('base64url');
    const y = point.subarray(33).toString('base64url');
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    const signed = joined('countersign push enroll v1', this.origin, sha256(token ?? ''), point, name ?? '');
    if (!isSigned(key, signed, signature ?? '')) throw new Problem(422, 'invalid-request');
    this.#links.delete(token ?? '');
    const known: Known = {
      id: id('ath_'),
      key,
      name: name ?? '',
      application: link.application,
      account: link.account,
      revoked: false,
      connected: false,
      delivery: null,
      streams: new Set(),
    };
    this.known.set(known.id, known);
    const { application, account } = link;
    const answer = { authenticator_id: known.id, application, account, issuer: 'Example Bank' };
    this.#json(response, { ...answer, vapid_public_key: this.vapid });
    setTimeout(
      () => this.#ask(known, link.connects, true),
      link.connects.lifetime === 0 ? 600_000 : 100,
    ).unref();
  }

  #device(request: IncomingMessage, path: string, body: string): Known {
    const header = String(request.headers['countersign-device'] ?? '');
    const [, ath, t, n, s] = /^(ath_[0-9a-f]{32});t=(\d+);n=([\w-]{22});s=([\w-]{86})$/.exec(header) ?? [];
    const known = this.known.get(ath ?? '');
    if (!known || known.revoked || !ath || !t || !n || !s) throw new Problem(401, 'device-unknown');
    const label = 'countersign push request v1';
    const signed = joined(label, this.origin, request.method ?? '', path, sha256(body), ath, t, n);
    if (!isSigned(known.key, signed, s)) throw new Problem(401, 'device-unknown');
    if (Math.abs(Number(t) - this.now) > 60_000) throw new Problem(401, 'device-clock');
    if (this.#nonces.has(n)) throw new Problem(409, 'request-repeated');
    this.#nonces.add(n);
    return known;
  }

  #answered(device: Known, said: Record<string, unknown>): string {
    const { prompt_id, answer, number = '', signature } = said as Record<string, string>;
    const prompt = this.prompts.find((prompt) => prompt.id === prompt_id && prompt.of === device);
    if (!prompt) throw new Problem(404, 'not-found');
    const signed = joined(
      'countersign push answer v1',
      this.origin,
      sha256(prompt.text),
      answer ?? '',
      number,
    );
    if (!isSigned(device.key, signed, signature ?? '')) throw new Problem(422, 'proof-rejected');
    if (prompt.state !== 'open' || prompt.expires <= this.now) throw new Problem(410, 'prompt-over');
    if (answer === 'approve' && number !== prompt.number) {
      this.over(prompt, 'mismatched');
      throw new Problem(422, 'proof-rejected');
    }
    const state = { approve: 'approved', deny: 'denied', fraud: 'reported' }[answer ?? ''] ?? 'denied';
    if (prompt.connects && state === 'approved') device.connected = true;
    this.over(prompt, state);
    return state;
  }

  #stream(device: Known, response: ServerResponse) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': open\n\n');
    device.streams.add(response);
    response.on('close', () => device.streams.delete(response));
    for (const prompt of this.prompts.filter(({ of, state }) => of === device && state === 'open')) {
      response.write(`event: prompt\ndata: ${prompt.text}\n\n`);
    }
  }

  #json(response: ServerResponse, answer: object) {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(JSON.stringify(answer));
  }

  async #file(path: string, response: ServerResponse) {
    const name = path === '/authenticator' ? '/authenticator.html' : path;
    const file = await readFile(join(this.dist, normalize(name))).catch(() => null);
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, {
      'Content-Type': name.endsWith('.html')
        ? 'text/html; charset=utf-8'
        : (TYPES[extname(name)] ?? 'text/plain'),
      'Content-Security-Policy': CSP,
      'Service-Worker-Allowed': '/authenticator',
      'X-Content-Type-Options': 'nosniff',
      'Permissions-Policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
    });
    response.end(file);
  }
}

function isSigned(key: KeyObject, bytes: Buffer, signature: string): boolean {
  const raw = Buffer.from(signature, 'base64url');
  return raw.length === 64 && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, raw);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

export interface Served {
  readonly push: PushServer;
  close(): Promise<void>;
}

/** Serves a build of the app on a free port of this machine. */
export async function serve(dist: string): Promise<Served> {
  const push = new PushServer(dist);
  const server = createServer((request, response) => {
    void push.answer(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  push.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { push, close };
}
