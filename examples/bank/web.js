/** The little that the bank needs of a web framework: routes, forms, cookies, and the headers that every answer has. */

import { Html } from './html.js';

/**
 * @typedef {{ method: string, path: string, id: string, query: Record<string, string>, form: Record<string, string>,
 *   cookies: Record<string, string>, address: string, userAgent: string }} Request
 * @typedef {{ status: number, body: string | Buffer, headers: Record<string, string | string[]> }} Answer
 * @typedef {(request: Request) => Answer | Promise<Answer>} Handler
 * @typedef {import('node:http').IncomingMessage} Incoming
 */

/** The most bytes of a form. */
const LONGEST = 4096;

const HEADERS = {
  'Cache-Control': 'no-store',
  // Forms are sent to the bank alone. If Countersign's pages had an origin of their own it would stand here, too: forms lead there.
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * What answers requests, by routes like `GET /payments/:id`.
 * @param {string} origin where browsers find it
 * @param {Record<string, Handler>} routes
 * @param {(request: Request, error: unknown) => Answer} failed what is answered in place of an error
 */
export function routed(origin, routes, failed) {
  const table = Object.entries(routes).map(([route, handler]) => ({ parts: parts(route), handler }));
  return async (
    /** @type {Incoming} */ incoming,
    /** @type {import('node:http').ServerResponse} */ outgoing,
  ) => {
    const request = await read(incoming).catch(() => null);
    const { status, headers, body } = request
      ? await answered(request, incoming.headers)
      : text(400, 'Bad request');
    outgoing.writeHead(status, { ...HEADERS, ...headers }).end(body);
  };

  /** @param {Request} request @param {import('node:http').IncomingHttpHeaders} headers */
  async function answered(request, headers) {
    const asked = parts(`${request.method} ${request.path}`);
    const found = table.find((route) => fits(route.parts, asked));
    if (!found) return text(404, 'There is nothing here');
    if (request.method !== 'GET' && isCrossSite(headers, origin)) return text(403, 'Sent by another site');
    request.id = asked[found.parts.indexOf(':id')] ?? '';
    try {
      return await found.handler(request);
    } catch (error) {
      return failed(request, error);
    }
  }
}

const parts = (/** @type {string} */ route) => route.split(/[ /]+/).filter(Boolean);

/** @param {string[]} route @param {string[]} asked */
function fits(route, asked) {
  return (
    route.length === asked.length && route.every((part, index) => part === ':id' || part === asked[index])
  );
}

/**
 * Whether a page of another site made a browser send this (CSRF). Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`, and let no page
 * write either; who says neither is no browser, and has no cookies that it did not mean to send.
 * @param {import('node:http').IncomingHttpHeaders} headers @param {string} origin
 */
function isCrossSite(headers, origin) {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin';
  return headers.origin !== undefined && headers.origin !== origin;
}

/** @param {Incoming} incoming @returns {Promise<Request>} */
async function read(incoming) {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://bank');
  incoming.setEncoding('utf8');
  let body = '';
  for await (const part of incoming) {
    body += part;
    if (body.length > LONGEST) throw new Error('a form that is too long');
  }
  const cookies = (incoming.headers.cookie ?? '').split(/; */).map((cookie) => cookie.split('=', 2));
  return {
    method: incoming.method ?? 'GET',
    path: pathname,
    id: '',
    query: Object.fromEntries(searchParams),
    form: Object.fromEntries(new URLSearchParams(body)),
    cookies: Object.fromEntries(cookies),
    address: incoming.socket.remoteAddress ?? '',
    userAgent: (incoming.headers['user-agent'] ?? '').slice(0, 512),
  };
}

/** @param {Html} html @param {number} [status] @returns {Answer} */
export function page(html, status = 200) {
  return { status, body: html.text, headers: { 'Content-Type': 'text/html; charset=utf-8' } };
}

/** Has the browser go elsewhere, by a GET. @param {string} to @param {string[]} [cookies] @returns {Answer} */
export function redirect(to, cookies = []) {
  return { status: 303, body: '', headers: { Location: to, 'Set-Cookie': cookies } };
}

/** @param {string | Buffer} body @param {string} type @returns {Answer} */
export function file(body, type) {
  return { status: 200, body, headers: { 'Content-Type': type } };
}

/** @param {number} status @param {string} body @returns {Answer} */
function text(status, body) {
  return { status, body, headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
}

/**
 * A cookie that scripts cannot read, other sites' forms do not send, and no other host can set. `Lax`, because browsers come back from
 * Countersign with it.
 * @param {string} name @param {string} value @param {number} seconds
 */
export function cookie(name, value, seconds) {
  return `__Host-${name}=${value}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`;
}
