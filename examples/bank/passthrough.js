/**
 * Countersign's pages at the bank's own address: one origin, so that passkeys belong to the bank's name. In production this is some lines of the
 * proxy that stands in front anyway: nginx, Caddy, Traefik. Only what browsers need is handed through; the API is not.
 */

import { request as ask } from 'node:http';

/** Beginnings of paths: the pages, what they are made of, what they ask; the app that approves on a phone; and the keys that check assertions. */
const PATHS = [
  '/enroll/',
  '/challenge/',
  '/security/',
  '/assets/',
  '/pages/',
  '/authenticator',
  '/push/',
  '/.well-known/',
];

/**
 * Hands a request through if it is for one of them; whether it was.
 * @param {string} url where Countersign is
 * @param {import('node:http').IncomingMessage} incoming
 * @param {import('node:http').ServerResponse} outgoing
 */
export function passedThrough(url, incoming, outgoing) {
  // As it is asked for, and not as it was written: `/pages/../v1` is no page.
  const there = new URL(url);
  if (!URL.canParse(incoming.url ?? '/', there)) return false;
  const { pathname, search } = new URL(incoming.url ?? '/', there);
  if (!PATHS.some((beginning) => pathname.startsWith(beginning))) return false;
  const { 'x-forwarded-for': _, connection: __, ...headers } = incoming.headers;
  // Whose request it is: Countersign believes this of proxies that its `proxy.trusted` names.
  const options = {
    method: incoming.method ?? 'GET',
    host: there.hostname,
    port: there.port,
    path: pathname + search,
    headers: { ...headers, 'x-forwarded-for': incoming.socket.remoteAddress },
  };
  const asked = ask(options, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  asked.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
  outgoing.on('close', () => asked.destroy());
  incoming.pipe(asked);
  return true;
}
