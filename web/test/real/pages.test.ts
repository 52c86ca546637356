/** The pages on the program that serves them: nothing between is played. Skipped where it is not built: `cargo build -p countersign -p vault`. */

import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { totp } from '../mock/totp.ts';
import { code, headed } from '../screens.ts';
import { PROGRAM, start, type Real } from './server.ts';

const SHOP = 'http://localhost:9';

if (PROGRAM === null)
  console.log('The real server is not tested: build it with cargo build -p countersign -p vault');

describe.skipIf(PROGRAM === null)('on the real server', () => {
  let real: Real;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launch();
    real = await start(PROGRAM ?? '');
    const { application } = await real.api<{ application: { id: string } }>('GET', '/v1/whoami');
    await real.api('PATCH', `/v1/applications/${application.id}`, { return_origins: [SHOP] });
  });
  afterAll(async () => {
    await browser.close();
    // Not there where the start failed: that is to be read then, and nothing else.
    await (real as Real | undefined)?.close();
  });
  beforeEach(async () => {
    context = await browser.context();
    page = await context.newPage();
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
    });
    await page.route(`${SHOP}/**`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<h1>Shop</h1>' }),
    );
  });
  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  let people = 0;

  /** Somebody new, who just typed a password. */
  async function somebody(): Promise<string> {
    const external_id = `person-${++people}`;
    await real.api('POST', '/v1/users', { external_id });
    return logIn(external_id);
  }

  async function logIn(external_id: string): Promise<string> {
    return (await real.api<{ id: string }>('POST', '/v1/sessions', { external_id, amr: ['pwd'] })).id;
  }

  async function goTo(what: object) {
    const made = await real.api<{ url: string }>('POST', '/v1/pages', {
      ...what,
      return_url: `${SHOP}/back`,
      state: 'basket 7',
    });
    await page.goto(made.url);
  }

  async function back(outcome: string) {
    await page.waitForURL(`${SHOP}/back?**`);
    const said = new URL(page.url()).searchParams;
    expect([said.get('outcome'), said.get('state')]).toEqual([outcome, 'basket 7']);
  }

  /** Chooses the app and types its first code; the key, and when that code was. */
  async function connectApp(): Promise<string> {
    await page.locator('.choice', { hasText: 'Authenticator app' }).click();
    await page.getByText('Cannot scan?').click();
    const key = ((await page.locator('.secret code').textContent()) ?? '').replaceAll(' ', '');
    await code(page, totp(key));
    return key;
  }

  /** A code that was not used: each counts once, and the next one is accepted before its time. */
  const nextCode = (key: string) => totp(key, Date.now() + 30_000);

  async function enrolled(session: string): Promise<{ key: string; codes: string[] }> {
    await goTo({ purpose: 'enroll', session_id: session });
    await headed(page, 'Protect');
    const key = await connectApp();
    await headed(page, 'Keep your backup codes');
    const codes = await page.locator('.codes code').allTextContents();
    await page.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await back('enrolled');
    return { key, codes };
  }

  async function challenged(session: string) {
    const { id } = await real.api<{ id: string }>('POST', '/v1/challenges', {
      session_id: session,
      action: 'transfer',
      context: { amount: 100 },
      shown: ['amount'],
    });
    await goTo({ purpose: 'challenge', challenge_id: id });
    await headed(page, 'Confirm');
    return id;
  }

  it('P-04, P-05: an app is set up, and its codes prove a challenge', async () => {
    const session = await somebody();
    const { key, codes } = await enrolled(session);
    expect(new Set(codes).size).toBe(10);
    const challenge = await challenged(session);
    await page.getByText('transfer').waitFor();
    await code(page, '000000');
    await page.getByText('did not work').waitFor();
    await code(page, nextCode(key));
    await back('proved');
    expect(await real.api('GET', `/v1/challenges/${challenge}`)).toMatchObject({ state: 'satisfied' });
  });

  it('I-05: a backup code proves a challenge, once', async () => {
    const session = await somebody();
    const { codes } = await enrolled(session);
    for (const outcome of ['proved', 'cancelled']) {
      await challenged(session);
      await page.locator('.other', { hasText: 'Backup code' }).click();
      await page.getByLabel('Backup code').waitFor();
      await code(page, codes[0] ?? '');
      if (outcome === 'cancelled') {
        await page.getByText('did not work').waitFor();
        await page.getByRole('button', { name: 'Cancel' }).click();
      }
      await back(outcome);
    }
  });

  it('T-09: a person’s own page asks for a proof, then does what was wanted', async () => {
    const { key } = await enrolled(await somebody());
    const session = await logIn(`person-${people}`);
    await goTo({ purpose: 'security', session_id: session });
    await headed(page, 'Your sign-in');
    await page.locator('.item-change > summary').first().click();
    await page.getByLabel('Name').fill('Blue phone');
    await page.getByRole('button', { name: 'Save' }).click();
    await headed(page, 'Confirm');
    await code(page, nextCode(key));
    await page.getByText('The name was changed.').waitFor();
    await page.getByText('Blue phone').first().waitFor();

    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('Signed out there.').waitFor();
    await page.getByRole('button', { name: /Go back to/ }).click();
    await back('left');
  });

  it('a new phone takes the place of the old one, after a proof', async () => {
    const { key } = await enrolled(await somebody());
    const session = await logIn(`person-${people}`);
    await goTo({ purpose: 'security', session_id: session });
    await headed(page, 'Your sign-in');
    await page.locator('.item-change > summary').first().click();
    await page.getByRole('button', { name: 'Replace by a new one' }).click();
    await page.getByRole('button', { name: 'Set up the new one' }).click();
    await headed(page, 'Confirm');
    await code(page, nextCode(key));
    await headed(page, 'Protect');
    expect(await connectApp()).not.toBe(key);
    await page.getByText('The new one is in use').waitFor();
    expect(
      await page.locator('[aria-labelledby=held] .item-name', { hasText: 'Authenticator app' }).count(),
    ).toBe(1);
  });
});
