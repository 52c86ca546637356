/** Pictures of the sample bank, on the program itself. */

import type { BrowserContextOptions, Page, PageScreenshotOptions } from 'playwright-core';

import type { Browser } from './browser.ts';
import { withPasskeys } from './passkeys.ts';
import { inAccount, keepCodes, logIn, makeDemo, protect, send, toAccount } from './real/demo.ts';
import { headed } from './screens.ts';

type Shoot = (name: string) => Promise<void>;

/** Plays the bank's stories in a browser, and photographs them each as `into` says, or not. */
export async function photographBank(
  browser: Browser,
  program: string,
  options: BrowserContextOptions,
  into: (name: string) => PageScreenshotOptions | null,
): Promise<void> {
  const demo = await makeDemo(program);
  const context = await browser.context(options);
  try {
    const page = await context.newPage();
    await withPasskeys(page);
    await page.goto(demo.address);
    await play(page, async (name) => {
      const wanted = into(name);
      if (wanted === null) return;
      await page.mouse.move(0, 0);
      await page.waitForLoadState('networkidle');
      await page.screenshot({ ...wanted, animations: 'disabled' });
    });
  } finally {
    await context.close();
    await demo.interrupt();
  }

  async function play(page: Page, shoot: Shoot) {
    await headed(page, 'Good to see you');
    await shoot('bank-login');
    await logIn(page, demo, 'ana');
    await inAccount(page);
    await shoot('bank-account');
    await protect(page);
    await shoot('bank-choose');
    await page.locator('.choice', { hasText: 'Passkey' }).click();
    await keepCodes(page);
    await inAccount(page);
    await send(page, 'City Library', '24.50');
    await headed(page, 'On its way');
    await toAccount(page);
    await send(page, 'Hanna Weiss', '1800');
    await headed(page, 'Confirm');
    await shoot('bank-step-up');
    await page.getByRole('button', { name: 'Use your passkey' }).click();
    await headed(page, 'On its way');
    await shoot('bank-receipt');
    await toAccount(page);
    await page.getByRole('button', { name: 'Steal my cookie' }).click();
    await headed(page, 'What the thief sees');
    await shoot('bank-thief');
    await toAccount(page);
    await shoot('bank-alarm');
  }
}
