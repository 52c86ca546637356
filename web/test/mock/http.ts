/** The mock behind HTTP, with the headers that the server sends. */

import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

import { Pages, Problem, redeem } from './pages.ts';

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const COOKIE = '__Host-countersign-page-';
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export interface Served {
  readonly pages: Pages;
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves a build of the pages on a free port of this machine. */
export async function serve(dist: string, port = 0): Promise<Served> {
  const pages = new Pages();
  const server = createServer((request, response) => {
    void answered(pages, dist, request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  // By name: browsers treat cookies of this name's origin as if it were https.
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { pages, origin, close };
}

async function answered(pages: Pages, dist: string, request: IncomingMessage, response: ServerResponse) {
  const { pathname: path, searchParams: said } = new URL(request.url ?? '/', 'http://localhost');
  if (await verb(pages, request, response)) return;
  if (path === '/sign-in' || /^\/(enroll|challenge|security|task)\/[^/]*$/.test(path)) {
    const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': CSP };
    response.writeHead(200, { ...headers, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    response.end(await readFile(join(dist, 'index.html')));
  } else if (path.startsWith('/assets/')) {
    const file = await readFile(join(dist, normalize(path))).catch(() => null);
    if (!file) return void response.writeHead(404).end();
    const small = await readFile(`${join(dist, normalize(path))}.gz`).catch(() => null);
    const type = { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' };
    response.writeHead(200, small ? { ...type, 'Content-Encoding': 'gzip' } : type);
    response.end(small ?? file);
  } else if (path === '/back' && said.has('code')) {
    const to = redeem(said.get('code') ?? '');
    if (to) return void response.writeHead(303, { Location: to }).end();
    response
      .writeHead(403, { 'Content-Type': 'text/html' })
      .end('<title>Shop</title><h1>Begin again at the shop</h1>');
  } else if (path === '/back') {
    response
      .writeHead(200, { 'Content-Type': 'text/html' })
      .end('<title>Shop</title><h1>Back at the shop</h1>');
  } else {
    response.writeHead(404).end();
  }
}

/** Answers a `POST /pages/{verb}`; false where the request is none. */
export async function verb(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const name = /^\/pages\/([\w/-]+)$/.exec(request.url ?? '')?.[1];
  if (request.method !== 'POST' || name === undefined) return false;
  const token = String(request.headers['x-countersign-page'] ?? '');
  const cookie = cookieOf(token);
  const known = new RegExp(`${cookie}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];
  const browser = known ?? randomBytes(32).toString('base64url');
  try {
    if (token === '') throw new Problem(403, 'cross-site');
    if (request.headers['sec-fetch-site'] !== 'same-origin') throw new Problem(403, 'cross-site');
    const said = JSON.parse(await body(request)) as Record<string, unknown>;
    const origin = `http://${request.headers.host ?? 'localhost'}`;
    if (name === 'sign-in') return signIn(pages.arrive(said, browser, origin), browser, response);
    const state = await pages.answer(token, name, said, browser, origin);
    const loss = name === 'wait' ? undefined : pages.losses.shift();
    if (loss === 'within') response.writeHead(200, { 'Content-Length': 1000 }).write('{"purpose":');
    if (loss) return setTimeout(() => request.socket.destroy(), 50) !== undefined;
    response.setHeader('Set-Cookie', `${cookie}=${browser}; Path=/; HttpOnly; Secure; SameSite=Strict`);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(JSON.stringify(state));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    response.writeHead(error.status, { 'Content-Type': 'application/problem+json' });
    response.end(
      JSON.stringify({ type: `/problems/${error.type}`, title: error.type, status: error.status }),
    );
  }
  return true;
}

/** The page that was made, and the cookie that makes it this browser's. */
function signIn(begun: { token: string }, browser: string, response: ServerResponse): true {
  response.setHeader(
    'Set-Cookie',
    `${cookieOf(begun.token)}=${browser}; Path=/; HttpOnly; Secure; SameSite=Strict`,
  );
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(begun));
  return true;
}

const cookieOf = (token: string) => COOKIE + createHash('sha256').update(token).digest('hex').slice(0, 16);

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
