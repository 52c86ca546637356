/** The sample bank, started by `make demo`, with every story that its README tells played in a browser. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AXE, violations } from '../accessible.ts';
import { launch, type Browser } from '../browser.ts';
import { totp } from '../mock/totp.ts';
import { withPasskeys } from '../passkeys.ts';
import { code, headed } from '../screens.ts';
import {
  connectApp,
  inAccount,
  keepCodes,
  logIn,
  logOut,
  makeDemo,
  protect,
  send,
  toAccount,
  useBackupCode,
  verdict,
  type Demo,
} from './demo.ts';
import { PROGRAM } from './server.ts';

const POLICY = fileURLToPath(new URL('../../../examples/bank/policy', import.meta.url));

describe.skipIf(PROGRAM === null)('the bank of `make demo`', () => {
  let demo: Demo;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  /** Ben's backup codes, for whoever comes later. */
  let spare: string[] = [];

  beforeAll(async () => {
    [demo, browser] = await Promise.all([makeDemo(PROGRAM ?? ''), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await demo?.interrupt();
  });
  beforeEach(() => {
    complaints = [];
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(page.url(), await page.locator('body').innerText());
    expect(complaints).toEqual([]);
  });

  /** A browser without a past; its page may break neither a script nor the Content-Security-Policy. */
  async function opened(options: BrowserContextOptions = {}): Promise<Page> {
    context = await browser.context(options);
    await context.addInitScript(AXE);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
    });
    return page;
  }

  /** What is answered to a request with path and headers just as they are written here. */
  async function answerTo(path: string, { body = '', ...options }: RequestOptions & { body?: string } = {}) {
    const { hostname, port } = new URL(demo.address);
    const asked = request({ hostname, port, path, family: 4, ...options }).end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return { headers: answer.headers, said: `${answer.statusCode} ${await text(answer)}` };
  }

  const balance = () => page.locator('.balance').getAttribute('data-balance');
  const rule = (name: string) => page.locator('.panel .rules li', { hasText: name });
  const signal = (name: string) => page.locator('.panel .signals li', { hasText: name });

  describe('of somebody with a passkey', () => {
    let codes: string[];

    beforeAll(async () => {
      page = await opened();
      await withPasskeys(page);
    });
    // Whatever became of the story before.
    beforeEach(() => page.goto(demo.address));
    afterAll(() => page.context().close());

    it('W-01, I-08: a password lets her in for a while, and she is led to the strongest factor', async () => {
      await logIn(page, demo, 'ana');
      await inAccount(page);
      await page.getByText('You can go on without until').waitFor();
      expect(await verdict(page).textContent()).toBe('Allowed');
      await protect(page);
      expect(await page.locator('.choice').first().textContent()).toContain('Passkey');
      await page.locator('.choice', { hasText: 'Passkey' }).click();
      codes = await keepCodes(page);
      await page.locator('.safe', { hasText: 'by passkey' }).waitFor();
    });

    it('S-02: an ordinary payment asks for nothing', async () => {
      await send(page, 'City Library', '24.50');
      await headed(page, 'On its way');
      await page.getByText('Nothing was asked').waitFor();
      await toAccount(page);
      expect(await balance()).toBe('4,194.00');
    });

    it('S-01, S-05: a large one is confirmed with amount and payee in sight, in the same session', async () => {
      const cookie = await sessionCookie();
      await send(page, 'Hanna Weiss', '1800');
      await headed(page, 'Confirm');
      for (const said of ['1800', 'Hanna Weiss']) await page.getByText(said, { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await headed(page, 'On its way');
      await page.getByText('By you, for this payment alone').waitFor();
      await rule('large-payment').waitFor();
      expect(await sessionCookie()).toEqual(cookie);
      await toAccount(page);
      expect(await balance()).toBe('2,394.00');
    });

    it('S-05: what was confirmed for one payee sends nothing to another', async () => {
      await send(page, 'Hanna Weiss', '1200');
      await headed(page, 'Confirm');
      // Whoever stole the cookie waits for this moment.
      const other = await page.context().newPage();
      await other.goto(`${demo.address}/account`);
      await other.locator('.waits a').click();
      await other.getByLabel('To', { exact: true }).fill('Mallory Quick');
      await other.getByRole('button', { name: 'Save' }).click();
      await other.getByText('Mallory Quick').first().waitFor();
      await other.close();
      await page.getByText('Hanna Weiss', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await headed(page, 'Nothing was done');
      await page.locator('.panel .trouble', { hasText: 'satisfied for something else' }).waitFor();
      await toAccount(page);
      expect(await balance()).toBe('2,394.00');
      await page
        .locator('.waits', { hasText: 'Mallory Quick' })
        .getByRole('button', { name: 'Withdraw' })
        .click();
      await expect.poll(() => page.locator('.waits').count()).toBe(0);
    });

    it('S-05: an address in which somebody wrote that it was proved changes nothing', async () => {
      const shown = page.waitForRequest((request) => request.url().startsWith(`${demo.address}/back?`));
      await send(page, 'Hanna Weiss', '1100');
      await headed(page, 'Confirm');
      const state = new URL((await shown).url()).searchParams.get('state') ?? '';
      await page.goto(`${demo.address}/back?${new URLSearchParams({ state, outcome: 'proved' })}`);
      await inAccount(page);
      expect(await balance()).toBe('2,394.00');
      await page.locator('.waits', { hasText: 'Hanna Weiss' }).waitFor();
      await page.getByRole('button', { name: 'Withdraw' }).click();
    });

    it('S-03: a new device is asked, a known one knows its owner', async () => {
      const home = page;
      page = await opened();
      await logIn(page, demo, 'ana');
      await useBackupCode(page, codes[0] ?? '');
      await inAccount(page);
      await signal('new_device').waitFor();
      await rule('mfa_enforcement.new_device').waitFor();
      await page.context().close();
      page = home;
      await logOut(page);
      await logIn(page, demo, 'ana');
      await headed(page, 'Confirm');
      await page.getByRole('checkbox', { name: 'Remember this browser' }).check();
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await inAccount(page);
      expect(await signal('new_device').count()).toBe(0);
      await logOut(page);
      await logIn(page, demo, 'ana');
      // It proves by itself that it is remembered.
      await inAccount(page);
    });

    it('S-09: a stolen cookie shows the balance and no more; its owner is told, and ends it', async () => {
      const before = await balance();
      await page.getByRole('button', { name: 'Steal my cookie' }).click();
      await headed(page, 'What the thief sees');
      const answers = await page.locator('.steps p').allTextContents();
      expect(answers[0]).toContain(`the balance is ${before}`);
      expect(answers.slice(1)).toEqual(
        Array(2).fill(expect.stringContaining('confirm that it is you first')),
      );
      await signal('user_agent_changed').waitFor();

      const stolen = await sessionCookie();
      const thief = await opened({ userAgent: 'Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0' });
      await thief.context().addCookies([stolen]);
      await thief.goto(`${demo.address}/account`);
      await send(thief, 'Mallory Quick', '20');
      await headed(thief, 'Confirm');

      await toAccount(page);
      await page.getByRole('alert').getByText('Firefox on Windows').waitFor();
      // What its owner proves is nothing to the thief.
      await send(page, 'Hanna Weiss', '1300');
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await headed(page, 'On its way');
      await thief.goto(`${demo.address}/account`);
      await send(thief, 'Mallory Quick', '21');
      await headed(thief, 'Confirm');
      await thief.goto(`${demo.address}/account`);
      await thief.getByRole('button', { name: 'I lost my phone' }).click();
      await headed(thief, 'Confirm');
      // Seen beside the receipt, without a click.
      await page.locator('.panel .question', { hasText: 'security' }).waitFor();

      // Nor does it help to say that one is her browser: the address is another one.
      const userAgent = await page.evaluate(() => navigator.userAgent);
      const disguised = { 'User-Agent': userAgent, Cookie: `${stolen.name}=${stolen.value}` };
      const paid = { method: 'POST', headers: disguised, body: 'payee=Mallory+Quick&amount=22' };
      expect((await answerTo('/payments', { ...paid, localAddress: '127.0.0.1' })).headers.location).toMatch(
        `/payments/`,
      );
      expect((await answerTo('/payments', { ...paid, localAddress: '127.0.0.2' })).headers.location).toMatch(
        `/challenge/`,
      );

      await toAccount(page);
      await page.getByRole('button', { name: 'Log out everywhere' }).click();
      await headed(page, 'Good to see you');
      await thief.goto(`${demo.address}/account`);
      await headed(thief, 'Good to see you');
      await thief.context().close();
    });

    async function sessionCookie() {
      const found = (await page.context().cookies()).find(({ name }) => name === '__Host-session');
      expect(found).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax' });
      // A cookie of this host alone, as `__Host-` wants it, takes an address to be said so.
      return { name: found?.name ?? '', value: found?.value ?? '', secure: true, url: 'https://localhost' };
    }
  });

  it('W-01: a lost phone: a backup code lets him in, the old one is reported, a new one takes its place', async () => {
    page = await opened();
    await logIn(page, demo, 'ben');
    await inAccount(page);
    // Who has nothing yet is led to it where it is needed.
    await send(page, 'Hanna Weiss', '1200');
    await headed(page, 'Protect');
    const lost = await connectApp(page);
    const codes = await keepCodes(page);
    spare = codes.slice(1);
    // That payment takes a proof of its own.
    await headed(page, 'Confirm');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await headed(page, 'Not sent yet');
    await logOut(page);

    await logIn(page, demo, 'ben');
    await useBackupCode(page, codes[0] ?? '');
    await inAccount(page);
    await page.getByRole('button', { name: 'I lost my phone' }).click();
    await headed(page, 'Your sign-in');
    const held = page.locator('[aria-labelledby=held]');
    await held.locator('.item-change > summary').first().click();
    await page.getByRole('button', { name: 'Report lost' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Report it lost' }).click();
    await page.getByRole('button', { name: 'Add another way' }).click();
    await headed(page, 'Protect');
    const found = await connectApp(page);
    expect(found).not.toBe(lost);
    await headed(page, 'Your sign-in');
    await page.getByRole('button', { name: /Go back to/ }).click();
    await page.locator('.panel .events', { hasText: 'authenticator.lost' }).waitFor();

    // The new one confirms what the old one cannot any more.
    await page.getByRole('button', { name: 'Confirm' }).click();
    await headed(page, 'Confirm');
    await code(page, totp(lost, Date.now() + 30_000));
    await page.getByText('did not work').waitFor();
    await code(page, totp(found, Date.now() + 30_000));
    await headed(page, 'On its way');
    await page.context().close();
  });

  it('is there for everybody, in light and dark, on a phone', async () => {
    page = await opened({ viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' });
    await page.goto(`${demo.address}/login`);
    await forEverybody();
    // Ben has had his adventures: something is asked for, and a backup code does.
    await logIn(page, demo, 'ben');
    await useBackupCode(page, spare.pop() ?? '');
    await inAccount(page);
    await forEverybody();
    await page.getByRole('button', { name: 'Steal my cookie' }).click();
    await headed(page, 'What the thief sees');
    await forEverybody();
    await toAccount(page);
    await forEverybody();
    await page.locator('.waits a').first().click();
    await headed(page, 'Not sent yet');
    await forEverybody();
    await page.context().close();
  });

  async function forEverybody() {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page), colorScheme).toEqual([]);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  }

  it('S-11: what its policy says it says in cases, which hold', async () => {
    const said = await promisify(execFile)(PROGRAM ?? '', ['config', 'test', POLICY]);
    expect(said.stdout).toContain('cases as expected');
  });

  it('T-26: forms of other sites are refused, and so is framing', async () => {
    const [here, there] = [demo.address, 'https://evil.example'];
    const refused = [
      { 'Sec-Fetch-Site': 'cross-site', Origin: there },
      { 'Sec-Fetch-Site': 'same-site', Origin: here },
      { 'Sec-Fetch-Site': 'none' },
      { Origin: there },
      { Origin: 'null' },
    ];
    for (const headers of refused)
      expect((await answerTo('/login', { method: 'POST', headers })).said).toBe('403 Sent by another site');
    for (const headers of [{ 'Sec-Fetch-Site': 'same-origin', Origin: here }, { Origin: here }])
      expect((await answerTo('/login', { method: 'POST', headers })).said).toContain('That is not right');
    const { headers } = await fetch(`${demo.address}/login`);
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it('the API is not handed through, in whatever way its address is written', async () => {
    for (const path of ['/v1/whoami', '/pages/../v1/whoami', '/pages/%2e%2e/v1/whoami', '//x/v1/whoami'])
      expect((await answerTo(path)).said, path).toBe('404 There is nothing here');
    expect((await answerTo('//')).said).toBe('400 Bad request');
    expect((await answerTo('/.well-known/jwks.json')).said).toContain('"keys"');
  });
});

describe.skipIf(PROGRAM === null)('make demo', () => {
  it('P-13: starts, answers, says what to try, and leaves nothing behind', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
    const demo = await makeDemo(PROGRAM ?? '', { TMPDIR: temporary });
    for (const said of [demo.address, 'harbour-lantern-27', 'Steal your own cookie'])
      expect(demo.printed()).toContain(said);
    expect((await fetch(demo.address)).status).toBe(200);
    const port = new URL(demo.address).port;
    await expect(makeDemo(PROGRAM ?? '', { PORT: port })).rejects.toThrow(`port ${port} is taken`);
    await demo.interrupt();
    await expect(fetch(demo.address)).rejects.toThrow();
    expect(await readdir(temporary)).toEqual([]);
    await rm(temporary, { recursive: true });
  });
});
