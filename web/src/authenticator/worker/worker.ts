/**
 * What goes on while the app is closed: it is woken up, asks the server, and shows a notification. It answers nothing by itself, and believes
 * nothing of what woke it up. It also keeps the app's files, so that the app opens without a network.
 */

import { accounts } from '../kept/database';
import { promptOf } from '../protocol/prompt';
import { pending } from '../server';
import { tell } from '../subscription';
import { wordsOf } from './words';

declare const self: ServiceWorkerGlobalScope;
/** The app's files, as the build made them; their names change with what is in them. */
declare const FILES: readonly string[];
/** Changes with any of them. */
declare const VERSION: string;

const APP = '/authenticator';
const CACHE = `authenticator-${VERSION}`;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([APP, ...FILES]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith('authenticator-') && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  if (request.mode === 'navigate' && pathname === APP) event.respondWith(newest(request));
  else if (FILES.includes(pathname)) event.respondWith(kept(request));
});

/** The document as the server has it now, or as it was where there is no network. */
async function newest(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(APP, answer.clone());
    return answer;
  } catch {
    return (await cache.match(APP)) ?? Response.error();
  }
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

self.addEventListener('push', (event) => event.waitUntil(show()));

/** Shows what waits. Browsers want a notification for each time they woke us up, so there is one even if nothing does. */
async function show(): Promise<void> {
  const words = wordsOf(navigator.languages);
  const icon = { icon: '/authenticator/icon-192.png', badge: '/authenticator/icon-192.png' };
  const windows = await self.clients.matchAll({ type: 'window' });
  if (
    windows.some((window) => window.visibilityState === 'visible' && new URL(window.url).pathname === APP)
  ) {
    // It is on the screen already, and hears of it by itself.
    return;
  }
  const asked = await Promise.allSettled((await accounts()).map((account) => pending(account)));
  const texts = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.texts : []));
  for (const text of texts) {
    const { title, body, tag } = said(text, words);
    await self.registration.showNotification(title, { body, tag, requireInteraction: true, ...icon });
  }
  if (texts.length > 0) return;
  const unsure = asked.some(({ status }) => status === 'rejected');
  const [title, body] = unsure ? [words.lookTitle, words.lookBody] : [words.nothingTitle, words.nothingBody];
  await self.registration.showNotification(title, { body, tag: 'nothing', silent: true, ...icon });
}

function said(text: string, words: ReturnType<typeof wordsOf>): { title: string; body: string; tag: string } {
  try {
    const prompt = promptOf(text);
    if (!('unknown' in prompt)) {
      return { title: words.asks(prompt.application), body: words.body(prompt.account), tag: prompt.id };
    }
  } catch {
    // What cannot be read can still be looked at in the app.
  }
  return { title: words.lookTitle, body: words.lookBody, tag: 'unknown' };
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open(): Promise<void> {
  const windows = await self.clients.matchAll({ type: 'window' });
  const app = windows.find((window) => new URL(window.url).pathname === APP);
  if (app) await app.focus();
  else await self.clients.openWindow(APP);
}

/** The browser has another subscription now: the servers are told at once, or nothing wakes us up again. */
self.addEventListener('pushsubscriptionchange', (event) => {
  (event as ExtendableEvent).waitUntil(accounts().then((known) => tell(self.registration, known)));
});
