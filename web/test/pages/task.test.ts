/** Deciding what a workflow asks, in a browser. */

import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { serve, type Served } from '../mock/http.ts';
import { KEY, type Wish } from '../mock/pages.ts';
import { code, headed } from '../screens.ts';
import { totp } from '../mock/totp.ts';

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

async function visit(task: Wish['task'] = {}, locale?: string) {
  if (locale) {
    await context.close();
    context = await browser.context({ locale });
    page = await context.newPage();
  }
  await page.goto(`${served.origin}/task/${served.pages.create({ purpose: 'task', task, state: 'x' })}`);
}

async function back(outcome: string) {
  await page.waitForURL(/\/back\?/);
  expect(new URL(page.url()).searchParams.get('outcome')).toBe(outcome);
}

it('W-03: shows what is asked, and approves by the keyboard, with what was seen and a proof', async () => {
  await visit();
  await headed(page, 'Your decision is wanted');
  for (const said of [
    'Recovery of an account',
    'ana@example.org',
    'Ana Díaz',
    'rita',
    'recovery_verified',
    '1 of 2',
  ])
    await page.getByText(said).first().waitFor();
  // Whose account it is stands before what somebody wrote.
  const what = page.getByRole('region', { name: 'What is asked' });
  expect(await what.innerText()).toMatch(/^About\s+ana@example\.org\s+Name\s+Ana Díaz\s+Recovery/);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).type)).toBe('checkbox');
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.type('her passport');
  await page.keyboard.press('Tab');
  const asked = page.waitForRequest('**/pages/task/decide');
  await page.keyboard.press('Enter');
  expect((await asked).postDataJSON()).toEqual({
    verdict: 'approve',
    evidence: ['identity_document'],
    reason: 'her passport',
  });
  await headed(page, 'Confirm that it is you');
  await page.getByText('Your decision', { exact: true }).waitFor();
  expect(await page.locator('.facts dd').allTextContents()).toEqual([
    'Approve',
    'ana@example.org',
    'Ana Díaz',
    expect.stringContaining('Recovery of an account'),
    'recovery_verified',
  ]);
  await code(page, totp(KEY));
  await headed(page, 'Approved');
  await back('approved');
});

it('asks nobody to prove anything before what was to be seen is ticked', async () => {
  await visit();
  const before = served.pages.asked.length;
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('do not approve').waitFor();
  expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).type)).toBe('checkbox');
  expect(served.pages.asked.slice(before)).not.toContain('task/decide');
  // A no takes nothing to be seen.
  await page.getByRole('button', { name: 'Reject' }).click();
  await headed(page, 'Confirm that it is you');
  expect(await page.locator('.facts dd').first().textContent()).toBe('Reject');
  await code(page, totp(KEY));
  await back('rejected');
});

it('takes no proof where none is asked for, and can be left', async () => {
  await visit({ level: 'aal1', evidence: [] });
  await page.getByRole('button', { name: 'Approve' }).click();
  await back('approved');
  await visit();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await back('cancelled');
});

it.each([
  ['de', 'Ihre Entscheidung ist gefragt', 'Zustimmen'],
  ['es', 'Se le pide una decisión', 'Aprobar'],
  ['fr', 'Votre décision est demandée', 'Approuver'],
  ['zh-CN', '需要您作出决定', '批准'],
])('%s: is in the person’s language', async (locale, title, approve) => {
  await visit({}, locale);
  await headed(page, title);
  await page.getByRole('button', { name: approve }).waitFor();
});

it('says of what is closed that it is', async () => {
  await visit({ state: 'rejected' });
  await page.getByText('Somebody has rejected it.').waitFor();
  await page.getByRole('button', { name: /Go back to/ }).click();
  await back('cancelled');
});
