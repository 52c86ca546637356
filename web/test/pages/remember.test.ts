import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { serve, type Served } from '../mock/http.ts';
import { KEY, type Wish } from '../mock/pages.ts';
import { totp } from '../mock/totp.ts';
import { headed } from '../screens.ts';

let served: Served;
let shop: Served;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  [served, shop] = await Promise.all([serve('dist'), serve('dist')]);
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await Promise.all([served, shop].map((one) => one.close()));
});
beforeEach(async () => {
  served.pages.browsers.clear();
  context = await browser.context();
  page = await context.newPage();
});
afterEach(() => context.close());

const challenge = (): Wish => ({ purpose: 'challenge', returnUrl: `${shop.origin}/back`, remembers: true });

/** Follows a link to a new page, on a site. */
async function sentFrom(site: Served, from = page): Promise<void> {
  const token = served.pages.create(challenge());
  await from.goto(`${site.origin}/back`);
  await from.evaluate((address) => location.assign(address), `${served.origin}/challenge/${token}`);
}

async function proves(remembering: boolean): Promise<void> {
  await headed(page, 'Confirm');
  const box = page.getByRole('checkbox', { name: 'Remember this browser for 30 days' });
  expect(await box.isChecked(), 'nobody is remembered by accident').toBe(false);
  if (remembering) await box.check();
  await page.getByRole('textbox').fill(totp(KEY));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await backAtShop();
}

async function backAtShop(): Promise<void> {
  await page.waitForURL(`${shop.origin}/back?**`);
  expect(new URL(page.url()).searchParams.get('outcome')).toBe('proved');
}

/** Whether the page asks for a code. */
async function isAsked(on = page): Promise<void> {
  await headed(on, 'Confirm');
  await on.getByRole('textbox').waitFor();
}

it('a browser that was remembered is not asked again', async () => {
  await sentFrom(shop);
  await proves(true);
  expect(served.pages.browsers.size).toBe(1);
  await sentFrom(shop);
  await backAtShop();
});

it('a browser is not remembered unless that was wanted', async () => {
  await sentFrom(shop);
  await proves(false);
  expect(served.pages.browsers.size).toBe(0);
  await sentFrom(shop);
  await isAsked();
});

it('t12: a link that somebody else handed on proves nothing by itself', async () => {
  await sentFrom(shop);
  await proves(true);
  served.pages.asked.length = 0;
  const token = served.pages.create({ ...challenge(), handedOn: true });
  await page.goto(`${served.origin}/challenge/${token}`);
  await headed(page, 'Begin again at the shop');
  expect(served.pages.asked).toEqual(['open']);
  await page.goto(`${served.origin}/challenge/${token}`);
  await headed(page, 'over');
  expect(served.pages.asked).not.toContain('prove');
});

it('t25: the key cannot be read, and is no use to another browser', async () => {
  await sentFrom(shop);
  await proves(true);
  await page.goto(`${served.origin}/challenge/${'A'.repeat(43)}`);
  await headed(page, 'over');
  const exported = await page.evaluate(async () => {
    const open = indexedDB.open('countersign-remembered');
    await new Promise((done) => (open.onsuccess = done));
    const all = open.result.transaction('keys').objectStore('keys').getAll() as IDBRequest<CryptoKey[]>;
    await new Promise((done) => (all.onsuccess = done));
    const [key] = all.result;
    return key && crypto.subtle.exportKey('pkcs8', key).then(String, (error: Error) => error.name);
  });
  expect(exported).toBe('InvalidAccessError');
  const another = await (await browser.context()).newPage();
  await sentFrom(shop, another);
  await isAsked(another);
  await another.context().close();
});

it('a browser that was forgotten is asked, and its key goes', async () => {
  await sentFrom(shop);
  await proves(true);
  const [id] = served.pages.browsers.keys();
  served.pages.browsers.set(id ?? '', new Uint8Array(await aKey()));
  await sentFrom(shop);
  await isAsked();
  const left = await page.evaluate(async () => {
    const open = indexedDB.open('countersign-remembered');
    await new Promise((done) => (open.onsuccess = done));
    const count = open.result.transaction('keys').objectStore('keys').count();
    await new Promise((done) => (count.onsuccess = done));
    return count.result;
  });
  expect(left).toBe(0);
});

async function aKey(): Promise<ArrayBuffer> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  return crypto.subtle.exportKey('raw', pair.publicKey);
}
