import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { serve, type Served } from '../mock/http.ts';
import { BACKUP_CODE, KEY, Problem, type Wish } from '../mock/pages.ts';
import { totp } from '../mock/totp.ts';
import { code, headed, opened, viewed } from '../screens.ts';

let served: Served;
let shop: Served;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  served = await serve('dist');
  // The application: another origin.
  shop = await serve('dist');
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await served.close();
  await shop.close();
});
beforeEach(async () => {
  context = await browser.context();
  page = await context.newPage();
});
afterEach(() => context.close());

const challenge = (): Wish => ({ purpose: 'challenge', returnUrl: `${shop.origin}/back`, state: 'basket 7' });
const enroll = (): Wish => ({ purpose: 'enroll', returnUrl: `${shop.origin}/back` });

/** Presses Tab until something of this name has the focus, as somebody does who has no mouse. */
async function tabTo(name: string) {
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press('Tab');
    const focused = page.locator(':focus');
    const said = await focused.evaluate((element) => {
      const labels = (element as HTMLInputElement).labels;
      return `${element.textContent} ${labels ? [...labels].map((label) => label.textContent).join(' ') : ''}`;
    });
    if (!said.includes(name)) continue;
    const outline = await focused.evaluate((element) => getComputedStyle(element).outlineStyle);
    expect(outline, `the focus on ${name} can be seen`).toBe('solid');
    return;
  }
  throw new Error(`no Tab leads to ${name}`);
}

/** The heading of the step, which has to have the focus. */
async function headingFocused(): Promise<string | null> {
  const focused = page.locator(':focus');
  expect(await focused.evaluate((element) => element.tagName)).toBe('H1');
  return focused.textContent();
}

async function back(outcome: string) {
  await page.waitForURL(`${shop.origin}/back?**`);
  expect(new URL(page.url()).searchParams.get('outcome')).toBe(outcome);
}

it('a challenge, with the keyboard alone', async () => {
  await opened(page, served, challenge(), 'Confirm');
  expect(await headingFocused()).toBe('Confirm that it is you');
  await tabTo('Code from your authenticator app');
  await page.keyboard.type('000 000');
  await page.keyboard.press('Enter');
  await page.getByText('That code did not work').waitFor();
  const field = page.getByRole('textbox');
  expect(await field.getAttribute('aria-invalid')).toBe('true');
  expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);

  await tabTo('Backup code');
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Backup code' }).waitFor();
  expect(await page.getByText('did not work').count()).toBe(0);
  await page.getByRole('textbox').focus();
  await page.keyboard.type(BACKUP_CODE.toLowerCase().replaceAll('-', ' '));
  await page.keyboard.press('Enter');
  await headed(page, 'Confirmed');
  expect(await headingFocused()).toBe('Confirmed');
  await back('proved');
  expect(new URL(page.url()).searchParams.get('state')).toBe('basket 7');
});

it('an enrollment behind a proof, with the keyboard alone', async () => {
  const token = served.pages.create({ ...enroll(), has: ['totp', 'backup_codes'] });
  await page.goto(`${served.origin}/enroll/${token}`);
  await headed(page, 'Confirm');
  await tabTo('Code from your authenticator app');
  await page.keyboard.type(totp(KEY));
  await page.keyboard.press('Enter');
  await headed(page, 'Protect');
  expect(await headingFocused()).toBe('Protect your account');
  await tabTo('Authenticator app');
  await page.keyboard.press('Enter');
  await headed(page, 'Connect');
  expect(await headingFocused()).toBe('Connect your authenticator app');
  await tabTo('Cannot scan');
  await page.keyboard.press('Enter');
  expect((await page.locator('.secret code').textContent())?.replaceAll(' ', '')).toBe(
    served.pages.secret(token),
  );
  await tabTo('Type the code that the app shows');
  await page.keyboard.type(totp(served.pages.secret(token)));
  await page.keyboard.press('Enter');
  await back('enrolled');
});

it('one’s own page, with the keyboard alone', async () => {
  const token = served.pages.create({ ...challenge(), purpose: 'security', has: ['totp', 'backup_codes'] });
  await page.goto(`${served.origin}/security/${token}`);
  await headed(page, 'Your sign-in');
  expect(await headingFocused()).toBe('Your sign-in and security');
  await tabTo('Change');
  await page.keyboard.press('Enter');
  await tabTo('Remove');
  await page.keyboard.press('Enter');
  // What cannot be undone is not what Enter does by itself.
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  expect(await focused()).toBe('Leave it as it is');
  for (const way of ['Enter', 'Escape']) {
    await page.keyboard.press(way);
    expect(await focused(), `back where it was by ${way}`).toBe('Remove');
    // At once: a press right after it is not lost with the question that was left.
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('Leave it as it is');
  }
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Remove it');
  await page.keyboard.press('Enter');
  await headed(page, 'Confirm');
  await tabTo('Code from your authenticator app');
  await page.keyboard.type(totp(KEY));
  await page.keyboard.press('Enter');
  await page.getByText('It was removed.').waitFor();
  await tabTo('Go back to Shop');
  await page.keyboard.press('Enter');
  await back('left');
});

it('a first enrollment, with backup codes that are kept', async () => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: served.origin });
  const token = await viewed(page, served, enroll());
  await code(page, totp(served.pages.secret(token)));
  await headed(page, 'Keep your backup codes');
  const codes = await page.locator('.codes code').allTextContents();
  expect(new Set(codes).size).toBe(10);

  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied.').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(codes.join('\r\n'));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('backup-codes.txt');
  await page.emulateMedia({ media: 'print' });
  expect(await page.getByRole('button', { name: 'Continue' }).isVisible()).toBe(false);
  expect(await page.getByText('Backup codes for Shop').isVisible()).toBe(true);
  await page.emulateMedia({ media: 'screen' });

  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Keep the codes first').waitFor();
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await headed(page, 'is ready');
  expect(await page.content()).not.toContain(codes[0]);
  await back('enrolled');
});

it('P-04: the key goes when its time is over, and a new one can be had', async () => {
  const token = await viewed(page, served, { ...enroll(), viewLifetime: 2500 });
  const first = served.pages.secret(token);
  await page.getByText('Cannot scan?').click();
  expect((await page.content()).replaceAll(' ', '')).toContain(first);
  await page.getByRole('heading', { name: 'The key is hidden' }).waitFor();
  expect((await page.content()).replaceAll(' ', '')).not.toContain(first);
  await page.getByRole('button', { name: 'Make a new key' }).click();
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  expect(served.pages.secret(token)).not.toBe(first);
});

it('P-05: where WebCrypto knows no X25519, the key is agreed on in script', async () => {
  await page.addInitScript(() => {
    const real = crypto.subtle.generateKey.bind(crypto.subtle) as (...how: unknown[]) => Promise<unknown>;
    crypto.subtle.generateKey = ((algorithm: { name: string }, ...rest: unknown[]) =>
      algorithm.name === 'X25519'
        ? Promise.reject(new DOMException('unknown', 'NotSupportedError'))
        : real(algorithm, ...rest)) as typeof crypto.subtle.generateKey;
  });
  const token = await viewed(page, served, enroll());
  await code(page, totp(served.pages.secret(token)));
  await headed(page, 'Keep your backup codes');
});

it('the key is opened on a phone by its link', async () => {
  await context.close();
  context = await browser.context({ hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
  page = await context.newPage();
  const token = await viewed(page, served, enroll());
  const link = page.getByRole('link', { name: 'Open in the app on this phone' });
  expect(await link.getAttribute('href')).toContain(`secret=${served.pages.secret(token)}`);
});

it('cancelling leads back', async () => {
  await opened(page, served, challenge(), 'Confirm');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await back('cancelled');
});

it('a reload goes on where it was', async () => {
  await viewed(page, served, enroll());
  await page.reload();
  await page.getByRole('heading', { name: 'The key is hidden' }).waitFor();
});

it('a lost answer loses nothing: the page asks how things stand', async () => {
  await opened(page, served, challenge(), 'Confirm');
  served.pages.losses.push('within');
  await code(page, totp(KEY));
  await page.getByText('No connection').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await back('proved');
});

it('a code that the browser sent twice by itself counts as what it was', async () => {
  await opened(page, served, challenge(), 'Confirm');
  served.pages.losses.push('before');
  await code(page, totp(KEY));
  await back('proved');
});

it('what was busy is asked again', async () => {
  await opened(page, served, challenge(), 'Confirm');
  served.pages.faults.push(new Problem(503, 'busy'));
  await code(page, totp(KEY));
  await page.getByRole('button', { name: 'Try again' }).click();
  await back('proved');
});

it('a challenge that is over leads back', async () => {
  await opened(page, served, challenge(), 'Confirm');
  served.pages.faults.push(new Problem(410, 'challenge-over'));
  await code(page, '000000');
  await page.getByRole('button', { name: 'Go back to Shop' }).click();
  await back('cancelled');
});

it('a page whose time runs out says so by itself', async () => {
  await opened(page, served, { ...challenge(), lifetime: 3000 }, 'Confirm');
  await headed(page, 'This link is over');
});

it('a session that is not trusted any more is proved anew', async () => {
  await opened(page, served, enroll(), 'Protect');
  served.pages.faults.push(new Problem(403, 'step-up-needed'));
  const asked = page.waitForRequest('**/pages/open');
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await asked;
  await headed(page, 'Protect');
});

it('in a pop-up, the window that opened it is told, at its own origin alone', async () => {
  const token = served.pages.create(challenge());
  await page.goto(`${shop.origin}/back`);
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate((address) => {
      const heard: unknown[] = [];
      Object.assign(window, { heard });
      window.addEventListener('message', (event) =>
        heard.push({ data: event.data as unknown, origin: event.origin }),
      );
      window.open(address, '', 'width=400,height=700');
    }, `${served.origin}/challenge/${token}`),
  ]);
  await code(popup, totp(KEY));
  const heard = await page.waitForFunction(() => {
    const { heard } = window as unknown as { heard: unknown[] };
    return heard.length > 0 ? heard : null;
  });
  expect(await heard.jsonValue()).toEqual([
    {
      origin: served.origin,
      data: {
        type: 'countersign',
        outcome: 'proved',
        page: expect.stringMatching(/^pag_/) as string,
        state: 'basket 7',
      },
    },
  ]);
  await popup.waitForURL(`${shop.origin}/back?**`);
});

it('in a pop-up of somebody else’s, nobody is told', async () => {
  const elsewhere = `${shop.origin.replace('localhost', '127.0.0.1')}/back`;
  const token = served.pages.create({ ...challenge(), returnUrl: elsewhere });
  await page.goto(`${shop.origin}/back`);
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate((address) => {
      Object.assign(window, { heard: 0 });
      window.addEventListener('message', () => Object.assign(window, { heard: 1 }));
      window.open(address, '', 'width=400,height=700');
    }, `${served.origin}/challenge/${token}`),
  ]);
  const left = popup.waitForRequest(`${elsewhere}?**outcome=**`);
  await code(popup, totp(KEY));
  await left;
  expect(await page.evaluate(() => (window as unknown as { heard: number }).heard)).toBe(0);
});
