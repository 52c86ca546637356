import { readFile } from 'node:fs/promises';

import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { launch, type Browser } from '../../../test/browser.ts';
import { serve, type Served } from '../../../test/mock/http.ts';
import { KEY } from '../../../test/mock/pages.ts';
import { totp } from '../../../test/mock/totp.ts';
import { code } from '../../../test/screens.ts';

let served: Served;
let shop: Served;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  served = await serve('dist');
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
  const script = await readFile(new URL('../countersign.js', import.meta.url), 'utf8');
  await page.route('**/countersign.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: script }),
  );
  await page.goto(`${shop.origin}/back`);
});
afterEach(() => context.close());

/** Clicks a button that shows the page at `url`; what was told is kept in the window. */
async function click(url: string, before = '') {
  await page.evaluate(
    ({ url, before }) => {
      const script = document.createElement('script');
      script.type = 'module';
      script.textContent = `import { countersign } from '/countersign.js';
        ${before}
        const button = document.body.appendChild(document.createElement('button'));
        button.textContent = 'Prove it';
        button.onclick = async () => {
          try { window.told = await countersign(Promise.resolve(${JSON.stringify(url)})); }
          catch (error) { window.told = error.name; }
        };`;
      document.body.append(script);
    },
    { url, before },
  );
  await page.getByRole('button', { name: 'Prove it' }).click();
}

const told = async (): Promise<unknown> =>
  (await page.waitForFunction(() => (window as unknown as { told?: unknown }).told)).jsonValue();

function challenge(): string {
  const wish = { purpose: 'challenge', returnUrl: `${shop.origin}/back`, state: 'basket 7' } as const;
  return `${served.origin}/challenge/${served.pages.create(wish)}`;
}

it('what came of a page is told, and its window closed', async () => {
  const opened = page.waitForEvent('popup');
  await click(challenge());
  const popup = await opened;
  await code(popup, totp(KEY));
  expect(await told()).toEqual({
    outcome: 'proved',
    page: expect.stringMatching(/^pag_/) as string,
    state: 'basket 7',
  });
  await expect.poll(() => popup.isClosed()).toBe(true);
});

it('a window that is closed is told as that', async () => {
  const opened = page.waitForEvent('popup');
  await click(challenge());
  await (await opened).close();
  expect(await told()).toEqual({ outcome: 'closed', page: null, state: null });
});

it('where no window opens, this one goes there and back', async () => {
  await click(challenge(), 'window.open = () => null;');
  await page.getByRole('heading', { name: 'Confirm' }).waitFor();
  await code(page, totp(KEY));
  await page.waitForURL(`${shop.origin}/back?**`);
});

it('T-26: nobody else is believed, and nothing is opened that would run', async () => {
  const opened = page.waitForEvent('popup');
  await click(challenge());
  await opened;
  await page.evaluate(() => window.postMessage({ type: 'countersign', outcome: 'proved' }, '*'));
  await page.waitForTimeout(300);
  expect(await page.evaluate(() => (window as unknown as { told?: unknown }).told)).toBeUndefined();
  await page.goto(`${shop.origin}/back`);
  await click('javascript:alert(1)');
  expect(await told()).toBe('TypeError');
});
