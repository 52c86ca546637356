/** What tests on the real server share: the server, a browser, an application that sends people to pages, and those people. */

import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { totp } from '../mock/totp.ts';
import { code, headed } from '../screens.ts';
import { PROGRAM, start, type Real, type Settings } from './server.ts';

if (PROGRAM === null)
  console.log('The real server is not tested: build it with cargo build -p countersign -p vault');

const SHOP = 'http://localhost:9';
/** What the shop keeps for a browser without a session (RFC 7636, appendix B). */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

/** To be made in a `describe`: starts the server before its first test, and gives each a browser without a past. */
export class Stage {
  real!: Real;
  browser!: Browser;
  context!: BrowserContext;
  page!: Page;
  /** What pages said that they should not have. */
  private complaints: string[] = [];
  private people = 0;
  /** The session that the shop finds in a browser, where that is another one than pages are made for. */
  others: string | null = null;

  constructor(settings: () => Settings | Promise<Settings> = () => ({})) {
    beforeAll(async () => {
      this.browser = await launch();
      this.real = await start(PROGRAM ?? '', await settings());
      const { application } = await this.real.api<{ application: { id: string } }>('GET', '/v1/whoami');
      await this.real.api('PATCH', `/v1/applications/${application.id}`, { return_origins: [SHOP] });
    });
    afterAll(async () => {
      await this.browser?.close();
      await this.real?.close();
    });
    beforeEach(async () => {
      this.complaints = [];
      this.others = null;
      this.context = await this.browser.context();
      this.page = await this.watched(this.context);
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail')
        for (const page of this.context.pages()) console.log(await page.locator('body').innerText());
      await closed(this.context);
      expect(this.complaints).toEqual([]);
    });
  }

  /** A page that may break neither a script nor the Content-Security-Policy; what leads back leads to the shop. */
  async watched(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) this.complaints.push(message.text());
    });
    await page.route(`${SHOP}/**`, async (route) => {
      const said = new URL(route.request().url()).searchParams;
      const [id, code] = [said.get('page'), said.get('code')];
      if (id === null || code === null)
        return route.fulfill({ contentType: 'text/html', body: '<h1>Shop</h1>' });
      const url = await this.redeemed(id, code).catch(() => null);
      if (url !== null) return route.fulfill({ status: 303, headers: { Location: url } });
      return route.fulfill({
        status: 403,
        contentType: 'text/html',
        body: '<h1>Begin again at the shop</h1>',
      });
    });
    return page;
  }

  /** Redeems a page's code; where the browser is led then. Browsers of these tests have the session that a page was made for. */
  private async redeemed(id: string, code: string): Promise<string> {
    const { session_id } = await this.real.api<{ session_id: string | null }>('GET', `/v1/pages/${id}`);
    if (this.others !== null) return this.redeemedFor(id, { code, session_id: this.others });
    const whose = session_id === null ? { code_verifier: VERIFIER } : { session_id };
    return this.redeemedFor(id, { code, ...whose });
  }

  private async redeemedFor(id: string, whose: object): Promise<string> {
    return (await this.real.api<{ url: string }>('POST', `/v1/pages/${id}/redeem`, whose)).url;
  }

  /** Who was made last. */
  get person(): string {
    return `person-${this.people}`;
  }

  /** Somebody new, who just typed a password; the session. */
  async somebody(): Promise<string> {
    this.people++;
    await this.real.api('POST', '/v1/users', { external_id: this.person });
    return this.logIn();
  }

  /** Another session of the person who was made last. */
  async logIn(): Promise<string> {
    const wanted = { external_id: this.person, amr: ['pwd'] };
    return (await this.real.api<{ id: string }>('POST', '/v1/sessions', wanted)).id;
  }

  /** The link to a page. */
  async link(what: object): Promise<string> {
    const wanted = { ...what, return_url: `${SHOP}/back`, state: 'basket 7' };
    return (await this.real.api<{ url: string }>('POST', '/v1/pages', wanted)).url;
  }

  async goTo(what: object) {
    await this.page.goto(await this.link(what));
  }

  async back(outcome: string) {
    await this.page.waitForURL(`${SHOP}/back?**`);
    const said = new URL(this.page.url()).searchParams;
    expect([said.get('outcome'), said.get('state')]).toEqual([outcome, 'basket 7']);
  }

  /** Goes to where a factor is chosen. */
  async choosing(session: string) {
    await this.goTo({ purpose: 'enroll', session_id: session });
    await headed(this.page, 'Protect');
  }

  async choose(factor: string) {
    await this.page.locator('.choice', { hasText: factor }).click();
  }

  /** Chooses the app and types its first code; the key. */
  async connectApp(): Promise<string> {
    await this.choose('Authenticator app');
    await this.page.getByText('Cannot scan?').click();
    const key = ((await this.page.locator('.secret code').textContent()) ?? '').replaceAll(' ', '');
    await code(this.page, totp(key, this.real.now()));
    return key;
  }

  /** A code that was not used: each counts once, and the next one is accepted before its time. */
  nextCode(key: string): string {
    return totp(key, this.real.now() + 30_000);
  }

  /** Takes the backup codes that a first enrollment ends with. */
  async keepCodes(): Promise<string[]> {
    await headed(this.page, 'Keep your backup codes');
    const codes = await this.page.locator('.codes code').allTextContents();
    await this.page.getByRole('checkbox').check();
    await this.page.getByRole('button', { name: 'Continue' }).click();
    return codes;
  }

  /** Sets up an authenticator app. */
  async enrolled(session: string): Promise<{ key: string; codes: string[] }> {
    await this.choosing(session);
    const key = await this.connectApp();
    const codes = await this.keepCodes();
    await this.back('enrolled');
    return { key, codes };
  }

  /** A challenge for a session; its id. */
  async challenge(session: string): Promise<string> {
    const wanted = { session_id: session, action: 'transfer', context: { amount: 100 }, shown: ['amount'] };
    return (await this.real.api<{ id: string }>('POST', '/v1/challenges', wanted)).id;
  }

  /** Goes to where a challenge is answered; its id. */
  async challenged(session: string): Promise<string> {
    const id = await this.challenge(session);
    await this.goTo({ purpose: 'challenge', challenge_id: id });
    await headed(this.page, 'Confirm');
    return id;
  }

  async stateOf(challenge: string): Promise<string> {
    return (await this.real.api<{ state: string }>('GET', `/v1/challenges/${challenge}`)).state;
  }

  /** The events of a kind, the newest first. */
  async events(kind: string): Promise<{ data: Record<string, unknown> }[]> {
    const path = `/v1/events?kind=${kind}&order=desc`;
    return (await this.real.api<{ items: { data: Record<string, unknown> }[] }>('GET', path)).items;
  }
}

/** Milliseconds that a browser has to end what is under way in a context. */
const ENDING = 10_000;

/** Closes a context. Now and then Chromium does not end the frame of an error page: it ends with the browser then. */
async function closed(context: BrowserContext): Promise<void> {
  await context.unrouteAll({ behavior: 'ignoreErrors' });
  await Promise.race([context.close(), new Promise((over) => setTimeout(over, ENDING))]);
}
