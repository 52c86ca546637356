import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { AXE, violations } from '../accessible.ts';
import { launch, type Browser } from '../browser.ts';
import { serve, type Served } from '../mock/http.ts';
import { SCREENS } from '../screens.ts';

let served: Served;
let browser: Browser;
beforeAll(async () => {
  served = await serve('dist');
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await served.close();
});

/** What can be pressed and is smaller than a finger, 44 CSS pixels high (WCAG 2.2, 2.5.5). */
async function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('button, a, summary, label.check, input:not([type=checkbox])')]
      .filter((element) => element.getBoundingClientRect().height < 44)
      .map((element) => element.outerHTML),
  );
}

it.each(SCREENS.map((screen) => [screen.name, screen] as const))('%s: for everybody', async (_, screen) => {
  const context = await browser.context({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    reducedMotion: 'reduce',
  });
  await context.addInitScript(AXE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(served.origin))
      strangers.push(request.url());
  });

  await screen.reach(page, served);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page), colorScheme).toEqual([]);
  }
  expect(await tooSmall(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nothing to scroll sideways').toBe(
    360,
  );
  // As wide as a desktop's window at 400 %, and the narrowest phone (WCAG 2.2, 1.4.10).
  await page.setViewportSize({ width: 320, height: 740 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nor at 320 pixels').toBe(320);
  expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
  expect(await page.title()).toBe(await page.getByRole('heading', { level: 1 }).textContent());
  expect(complaints).toEqual([]);
  expect(strangers).toEqual([]);
  await context.close();
});

it.each(['de', 'es', 'fr', 'zh'])('%s: fits a phone', async (locale) => {
  const context = await browser.context({ viewport: { width: 360, height: 740 }, locale });
  const page = await context.newPage();
  const token = served.pages.create({ purpose: 'enroll' });
  await page.goto(`${served.origin}/enroll/${token}`);
  await page
    .locator('.choice', { has: page.locator('[data-icon=phone], svg') })
    .nth(2)
    .click();
  await page.locator('summary').click();
  expect(await page.getAttribute('html', 'lang')).toBe(locale === 'zh' ? 'zh-Hans' : locale);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await context.close();
});

it('says in plain words that it needs JavaScript', async () => {
  const context = await browser.context({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${served.origin}/enroll/${served.pages.create({ purpose: 'enroll' })}`);
  await page.locator('.no-script h1').waitFor();
  await context.close();
});
