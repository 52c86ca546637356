import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { serve, type Served } from '../mock/http.ts';
import { FREE_SERIAL, KEY, Person, Problem, TOKEN_CODE, type Wish } from '../mock/pages.ts';
import { totp } from '../mock/totp.ts';
import { code, headed } from '../screens.ts';

let served: Served;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  served = await serve('dist');
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await served.close();
});
beforeEach(async () => {
  context = await browser.context();
  page = await context.newPage();
});
afterEach(() => context.close());

async function visit(wish: Wish): Promise<string> {
  const token = served.pages.create({ returnUrl: `${served.origin}/back`, ...wish });
  await page.goto(`${served.origin}/${wish.purpose}/${token}`);
  return token;
}

async function back(outcome: string) {
  await page.waitForURL(`${served.origin}/back?**`);
  expect(new URL(page.url()).searchParams.get('outcome')).toBe(outcome);
}

/** The device's own authenticator, by the browser's developer tools: it makes keys, and says who is there. */
async function device(userVerified = true) {
  const tools = await context.newCDPSession(page);
  await tools.send('WebAuthn.enable');
  const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: userVerified,
      automaticPresenceSimulation: true,
    },
  });
  return { tools, authenticatorId };
}

it('a passkey is made, and proves', async () => {
  await device();
  const person = new Person([]);
  await visit({ purpose: 'enroll', person });
  await page.getByRole('button', { name: 'Passkey' }).click();
  await headed(page, 'Keep your backup codes');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await back('enrolled');
  expect(person.of('webauthn')).toHaveLength(1);

  await visit({ purpose: 'challenge', person });
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await back('proved');
});

it('T-32: the passkey of somebody else proves nothing, and another way is one click away', async () => {
  const { tools, authenticatorId } = await device();
  const stranger = new Person([]);
  await visit({ purpose: 'enroll', person: stranger });
  await page.getByRole('button', { name: 'Passkey' }).click();
  await headed(page, 'Keep your backup codes');

  // The browser has one passkey, and it is another's.
  const person = new Person(['webauthn', 'totp']);
  await visit({ purpose: 'challenge', person });
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await page.getByRole('alert').waitFor();
  // Its owner does not pick it where the field for codes offers it: by itself this device would.
  await tools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false });
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await code(page, totp(KEY));
  await back('proved');
});

it('a code by text message is sent when it is asked for, and again when that may be', async () => {
  const token = await visit({ purpose: 'challenge', has: ['sms', 'backup_codes'], resendAfter: 1500 });
  await headed(page, 'Confirm');
  expect(served.pages.sent(token)).toBe('');
  await page.getByRole('button', { name: 'Send me a code' }).click();
  await page.getByText('••• 4567').first().waitFor();
  const field = page.getByRole('textbox');
  expect(await field.getAttribute('autocomplete')).toMatch(/^one-time-code/);
  const first = served.pages.sent(token);
  await page.getByRole('button', { name: /again/ }).click();
  await expect.poll(() => served.pages.sent(token)).not.toBe(first);
  // Until the page has its answer, it asks for nothing else.
  await page.getByRole('button', { name: /again/, disabled: false }).waitFor();
  await code(page, first);
  await page.getByText('That code did not work').waitFor();
  await code(page, served.pages.sent(token));
  await back('proved');
});

it('where no message can be sent, another way is offered', async () => {
  await visit({ purpose: 'challenge', has: ['sms', 'totp'] });
  await headed(page, 'Confirm');
  served.pages.faults.push(new Problem(503, 'gateway-unavailable'));
  await page.getByRole('button', { name: 'Send me a code' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await code(page, totp(KEY));
  await back('proved');
});

it('a number is typed, corrected and proved, and something stronger is offered', async () => {
  const token = await visit({ purpose: 'enroll' });
  await page.getByRole('button', { name: 'Text message' }).click();
  await code(page, '12');
  await page.getByText('not a whole number yet').waitFor();
  await code(page, '+850 191 234 5678');
  await page.getByRole('alert').waitFor();
  await code(page, '+44 7700 900123');
  await headed(page, 'Type the code');
  await code(page, served.pages.sent(token));
  await headed(page, 'Keep your backup codes');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await headed(page, 'something stronger');
  await page.getByRole('button', { name: 'Not now' }).click();
  await back('enrolled');
});

it('a phone is asked, and the page goes on by itself', async () => {
  const token = await visit({ purpose: 'challenge', has: ['push'] });
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Ask my phone' }).click();
  const number = await page.locator('.push-number span[aria-hidden]').textContent();
  expect(number).toMatch(/^\d{2}$/);
  await waits;
  served.pages.phone(token, 'approve', number ?? '');
  await back('proved');
});

it('T-15: after a no the page asks nothing by itself', async () => {
  const token = await visit({ purpose: 'challenge', has: ['push', 'totp'] });
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Ask my phone' }).click();
  await waits;
  served.pages.phone(token, 'deny');
  await page.locator('.push.ended').waitFor();
  const asked = served.pages.asked.length;
  await page.waitForTimeout(1500);
  expect(served.pages.asked.length).toBe(asked);
});

it('a phone is connected by its link', async () => {
  const token = await visit({ purpose: 'enroll' });
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Approval on your phone' }).click();
  await page.getByRole('img').waitFor();
  await waits;
  served.pages.phone(token, 'come');
  await page.locator('.push-number').waitFor();
  expect(await page.getByRole('img').count(), 'the link is over').toBe(0);
  served.pages.phone(token, 'connect');
  await headed(page, 'Keep your backup codes');
});

it('a phone on which nothing happens is waited for, and its code stays in sight', async () => {
  const token = await visit({ purpose: 'enroll' });
  await page.getByRole('button', { name: 'Approval on your phone' }).click();
  await page.getByRole('img').waitFor();
  for (let answers = 0; answers < 2; answers++) {
    const answered = page.waitForResponse('**/pages/wait');
    served.pages.phone(token, 'approve');
    await answered;
  }
  await page.waitForTimeout(100);
  expect(await page.getByRole('img').count()).toBe(1);
});

it('a phone that is given another number is not connected, and the page says so', async () => {
  const token = await visit({ purpose: 'enroll' });
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Approval on your phone' }).click();
  await page.getByRole('img').waitFor();
  await waits;
  served.pages.phone(token, 'refuse');
  await headed(page, 'Protect');
  await page.getByRole('alert').getByText('Your phone was not connected').waitFor();
});

it('a hardware token is enrolled by its serial number', async () => {
  await visit({ purpose: 'enroll', has: ['totp', 'backup_codes'] });
  await code(page, totp(KEY));
  await page.getByRole('button', { name: 'Hardware token' }).click();
  await code(page, 'NOT-MINE');
  await page.getByRole('alert').waitFor();
  await code(page, FREE_SERIAL);
  await headed(page, 'Try your hardware token');
  await code(page, TOKEN_CODE);
  await back('enrolled');
});

it('T-09: on the own page a change comes after the proof that it needs', async () => {
  const person = new Person(['totp', 'backup_codes']);
  await visit({ purpose: 'security', person });
  await headed(page, 'Your sign-in');
  await page.locator('summary').first().click();
  await page.getByRole('button', { name: 'Remove' }).first().click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await headed(page, 'Confirm that it is you');
  expect(person.of('totp')).toHaveLength(1);
  await code(page, totp(KEY));
  await page.getByText('It was removed.').waitFor();
  expect(person.of('totp')).toHaveLength(0);
  await page.getByRole('button', { name: 'Go back to Shop' }).click();
  await back('left');
});

it('a lost phone is replaced on the own page, and new backup codes are shown once', async () => {
  const person = new Person(['totp', 'backup_codes']);
  const token = await visit({ purpose: 'security', person, mayChange: true });
  await page.locator('summary').first().click();
  await page.getByRole('button', { name: 'Replace by a new one' }).first().click();
  await page.getByRole('button', { name: 'Set up the new one' }).click();
  await headed(page, 'Protect');
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  await code(page, totp(served.pages.secret(token)));
  await page.getByText('The new one is in use').waitFor();
  expect(person.of('totp')).toHaveLength(1);

  await page.locator('li', { hasText: 'Backup code' }).locator('summary').click();
  await page.getByRole('button', { name: 'Make new codes' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make new codes' }).click();
  await headed(page, 'Keep your backup codes');
  expect(await page.locator('.codes code').count()).toBe(10);
});
