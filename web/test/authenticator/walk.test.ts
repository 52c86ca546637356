import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { approve, connected, hasCamera, headed, prompted, readsCodes, wrong } from './screens.ts';
import { serve, type Served } from './server.ts';

let served: Served;
let browser: Browser;
let context: BrowserContext;
let page: Page;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
beforeEach(async () => {
  served = await serve('dist');
  context = await browser.context({ viewport: { width: 360, height: 740 } });
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await served.close();
});

const history = async () => {
  await page.getByRole('button', { name: 'What was asked so far' }).click();
  return page.locator('.entries').innerText();
};

it('I-04: connects by a link, and counts once its number was typed', async () => {
  const link = served.push.link();
  await page.goto(link);
  await headed(page, 'Connect this phone?');
  expect(page.url(), 'the token is in no address').not.toContain('enroll');
  expect([...served.push.known.values()], 'nothing was sent before the person wanted to').toEqual([]);
  await page.getByLabel('What to call this phone').fill('Ana’s phone');
  await page.getByRole('button', { name: 'Connect' }).click();
  await headed(page, 'Type the number');
  const [known] = served.push.known.values();
  expect([known?.name, known?.connected]).toEqual(['Ana’s phone', false]);
  await approve(page, served.push.open.number);
  await headed(page, 'This phone is connected');
  expect(known?.connected).toBe(true);
});

it('T-13: a link that somebody else used first connects nothing, and says so', async () => {
  const link = served.push.link();
  const thief = await (await browser.context()).newPage();
  await thief.goto(link);
  await thief.getByRole('button', { name: 'Connect' }).click();
  await headed(thief, 'Type the number');
  await page.goto(link);
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('This link is over').waitFor();
  await approve(thief, wrong(served.push.open.number));
  await headed(thief, 'That was not the number');
  await thief.getByRole('button', { name: 'Done' }).click();
  await headed(thief, 'Approve with this phone');
  await thief.context().close();
});

it('I-04: approves with the number, signed over all that was shown', async () => {
  await prompted(page, served.push, { action: 'Bank transfer', shown: [['Amount', '€ 250.00']] });
  const { number, id } = served.push.open;
  await approve(page, number);
  await headed(page, 'Approved');
  expect(served.push.prompts.find((prompt) => prompt.id === id)?.state).toBe('approved');
  await page.getByRole('button', { name: 'Done' }).click();
  expect(await history()).toMatch(/Bank transfer[^]*€ 250\.00[^]*Approved/);
});

it('by keyboard alone', async () => {
  await prompted(page, served.push);
  const { number } = served.push.open;
  const focused = () => page.evaluate(() => document.activeElement?.tagName);
  await expect.poll(focused).toBe('H1');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
  await page.keyboard.type(number);
  await page.keyboard.press('Enter');
  await headed(page, 'Approved');
});

it('T-15: a wrong number ends it, and the right one is too late', async () => {
  await prompted(page, served.push);
  const prompt = served.push.open;
  await approve(page, wrong(prompt.number));
  await headed(page, 'That was not the number');
  expect(prompt.state).toBe('mismatched');
});

it('T-15: "this was not me" is asked about once, and reported', async () => {
  await prompted(page, served.push);
  const prompt = served.push.open;
  await page.getByRole('button', { name: 'This was not me' }).click();
  await headed(page, 'Report it?');
  expect(prompt.state).toBe('open');
  await page.getByRole('button', { name: 'Yes, report it' }).click();
  await headed(page, 'Reported');
  expect(prompt.state).toBe('reported');
});

it('several accounts, each with a key of its own, each asked for itself', async () => {
  await connected(page, served.push, 'ana@example.org', 'Nimbus Shop');
  await connected(page, served.push, 'ana.weiss@example.org', 'Riverside Bank');
  const keys = [...served.push.known.values()].map(({ key }) => key.export({ format: 'jwk' }).x);
  expect(new Set(keys).size).toBe(2);
  served.push.ask({}, 'ana@example.org');
  await headed(page, 'Nimbus Shop asks');
  served.push.ask({}, 'ana.weiss@example.org');
  await page.getByText('Another question waits').waitFor();
  await page.getByRole('button', { name: 'Deny' }).click();
  await headed(page, 'Denied');
  await page.getByRole('button', { name: 'Done' }).click();
  await headed(page, 'Riverside Bank asks');
  await approve(page, served.push.open.number);
  await headed(page, 'Approved');
});

it('what waits is there when the app is opened, and accounts outlive it', async () => {
  await connected(page, served.push);
  await page.goto('about:blank');
  served.push.ask({ action: 'Sign in' });
  await page.goto(`${served.push.origin}/authenticator`);
  await headed(page, 'Nimbus Shop asks');
});

it('the private key cannot be read by the page', async () => {
  await connected(page, served.push);
  const read = await page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((done) => {
      const request = indexedDB.open('countersign-authenticator');
      request.onsuccess = () => done(request.result);
    });
    const all = await new Promise<{ key: CryptoKey }[]>((done) => {
      const request = database.transaction('accounts').objectStore('accounts').getAll();
      request.onsuccess = () => done(request.result as { key: CryptoKey }[]);
    });
    const key = all[0]?.key as CryptoKey;
    const exported = await crypto.subtle.exportKey('pkcs8', key).then(
      () => 'exported',
      (error: Error) => error.name,
    );
    return [key.type, key.extractable, exported];
  });
  expect(read).toEqual(['private', false, 'InvalidAccessError']);
});

it('a clock that is wrong is put right by the server’s', async () => {
  served.push.ahead = 3_600_000;
  await connected(page, served.push);
  served.push.ask();
  await headed(page, / asks$/);
  expect(await page.getByRole('timer').innerText()).toMatch(/^(2:0|1:5)/);
  await approve(page, served.push.open.number);
  await headed(page, 'Approved');
});

it('a nonce that was used already is changed for another', async () => {
  await prompted(page, served.push);
  served.push.faults.push({ path: '/push/answer', status: 409, type: 'request-repeated' });
  await approve(page, served.push.open.number);
  await headed(page, 'Approved');
});

it('without a connection nothing is lost, and the next try counts', async () => {
  await prompted(page, served.push);
  served.push.faults.push({ path: '/push/answer', status: 503, type: 'busy' });
  await approve(page, served.push.open.number);
  await page.getByText('Not available just now').waitFor();
  await page.getByRole('button', { name: 'Approve' }).click();
  await headed(page, 'Approved');
});

it('what is taken back while it is shown goes away', async () => {
  await prompted(page, served.push);
  served.push.over(served.push.open, 'withdrawn');
  await headed(page, 'No longer needed');
});

it('a stream that breaks off is opened anew', async () => {
  await connected(page, served.push);
  const [known] = served.push.known.values();
  for (const stream of known?.streams ?? []) stream.destroy();
  served.push.ask();
  await headed(page, / asks$/);
});

it('a phone that the server does not know any more says so, and can be removed', async () => {
  await connected(page, served.push);
  for (const known of served.push.known.values()) known.revoked = true;
  await page.reload();
  await page.getByText('Not connected any more').waitFor();
  await page.getByRole('button', { name: 'Nimbus Shop' }).click();
  await page.getByRole('button', { name: 'Remove from this phone' }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await headed(page, 'Approve with this phone');
  await page.reload();
  await headed(page, 'Approve with this phone');
});

it('connects by the camera, where the browser reads codes', async () => {
  await readsCodes(served.push.link())(page);
  await hasCamera(true)(page);
  await page.goto(`${served.push.origin}/authenticator`);
  await page.getByRole('button', { name: 'Connect an account' }).click();
  await page.getByRole('button', { name: 'Scan the QR code' }).click();
  await headed(page, 'Connect this phone?');
});

it('the lock asks for the person before anything is approved, and for nothing before it is denied', async () => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasUserVerification: true, isUserVerified: true },
  });
  await connected(page, served.push);
  await page.getByRole('button', { name: 'Turn on the lock' }).click();
  await page.getByText('The lock is on.').waitFor();

  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  const first = served.push.ask();
  await headed(page, / asks$/);
  await approve(page, first.number);
  await page.getByText('Still locked').waitFor();
  expect(first.state).toBe('open');
  await page.getByRole('button', { name: 'Deny' }).click();
  await headed(page, 'Denied');
  await page.getByRole('button', { name: 'Done' }).click();

  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  const second = served.push.ask();
  await headed(page, / asks$/);
  await approve(page, second.number);
  await headed(page, 'Approved');
});

it('can be installed, and opens without a network', async () => {
  await connected(page, served.push);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const manifest = (await (
    await page.request.get(`${served.push.origin}/authenticator/manifest.webmanifest`)
  ).json()) as {
    icons: { src: string }[];
    scope: string;
  };
  expect(manifest.scope).toBe('/authenticator');
  for (const { src } of manifest.icons) {
    expect((await page.request.get(served.push.origin + src)).status(), src).toBe(200);
  }
  await context.setOffline(true);
  await page.reload();
  await headed(page, 'Nothing waits for you.');
  await page.getByText('No connection').waitFor();
  await context.setOffline(false);
  await page.getByText('Ready', { exact: true }).waitFor();
});

it('is woken up while it is closed, asks the server, and believes nothing else', async () => {
  await context.grantPermissions(['notifications']);
  await connected(page, served.push);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const devtools = await context.newCDPSession(page);
  const registrations: { registrationId: string; scopeURL: string }[] = [];
  devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: found }) =>
    registrations.push(...found),
  );
  await devtools.send('ServiceWorker.enable');
  await expect.poll(() => registrations.length).toBeGreaterThan(0);
  const registrationId = registrations.at(-1)?.registrationId ?? '';
  // The app is open, but looks at something else, as when it is closed: no stream tells of what comes now.
  await page.goto(`${served.push.origin}/authenticator/icon.svg`);
  served.push.ask({ action: 'Sign in' });
  const origin = served.push.origin;
  const lie = JSON.stringify({ application: 'Somebody else', authenticator_id: 'ath_x' });
  await devtools.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: lie });
  const shown = () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration('/authenticator');
      return (await registration?.getNotifications())?.map(({ title, body }) => `${title} | ${body}`);
    });
  await expect.poll(shown).toEqual(['Nimbus Shop asks | For ana@example.org. Open the app to answer.']);
});

it('tells the server how to wake it up, once the person wants it', async () => {
  await context.grantPermissions(['notifications']);
  // There is no push service here: the browser's part is played.
  await page.addInitScript(() => {
    let made: unknown = null;
    const key = (length: number) => new Uint8Array(length).fill(7).buffer;
    PushManager.prototype.getSubscription = async () => made as PushSubscription | null;
    PushManager.prototype.subscribe = async (options) => {
      made = {
        endpoint: 'https://push.example/1',
        options,
        getKey: (name: string) => key(name === 'auth' ? 16 : 65),
      };
      return made as PushSubscription;
    };
  });
  await connected(page, served.push);
  const [known] = served.push.known.values();
  expect(known?.delivery).toBeNull();
  await expect(page.getByRole('button', { name: 'Turn on notifications' }).count()).resolves.toBe(0);
  // From one day on it can.
  served.push.vapid = `B${'A'.repeat(86)}`;
  await page.reload();
  await page.getByRole('button', { name: 'Turn on notifications' }).click();
  await expect
    .poll(() => known?.delivery)
    .toMatchObject({ web_push: { endpoint: 'https://push.example/1' } });
  await page.getByText('Notifications are off').waitFor({ state: 'detached' });
});

it('over plain HTTP from another machine, or in a window that keeps nothing, it says so', async () => {
  await page.addInitScript(() => {
    Object.defineProperty(indexedDB.constructor.prototype, 'open', {
      value: () => {
        throw new DOMException('no', 'SecurityError');
      },
    });
  });
  await page.goto(`${served.push.origin}/authenticator`);
  await headed(page, 'Nothing can be kept here');
});
